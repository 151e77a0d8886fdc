// A ring with the runtime's setup flags that hides nothing: CQEs are looked at before they are
// taken, and every enter is the caller's. Owned by a Runner; its one thread only.
#pragma once

#include <liburing.h>

#include <cstdint>

#include "runtime/kernel/kernel.hpp"

namespace gatio::fakes::conformance {

class PlainRing {
 public:
  PlainRing() = default;
  ~PlainRing() { close(); }
  PlainRing(const PlainRing&) = delete;
  PlainRing& operator=(const PlainRing&) = delete;

  // Whether a bad SQE stops its batch: IORING_SETUP_SUBMIT_ALL, rule U6.
  enum class Batch : uint8_t { goes_on, stops };
  // 0 or -errno.
  int open(Kernel& kernel, unsigned sq_entries, unsigned cq_entries, Batch batch = Batch::goes_on);
  void close();

  // Zeroed; nullptr when the SQ is full.
  io_uring_sqe* sqe() { return io_uring_get_sqe(&ring_); }
  // Submits all that is prepared; with `wait` > 0 also fetches and waits at most `timeout_ns`.
  int submit(unsigned wait, uint64_t timeout_ns);
  int fetch(unsigned wait, uint64_t timeout_ns);
  [[nodiscard]] unsigned kernel_flags() const;

  // The next CQE that was not yet looked at, or nullptr; it stays in the CQ.
  const io_uring_cqe* look();
  // Takes at most `count` CQEs that were looked at off the CQ.
  void reap(unsigned count);

  int register_with(unsigned opcode, const void* argument, unsigned count) {
    return kernel_->ring_register(ring_, opcode, argument, count);
  }
  [[nodiscard]] int fd() const { return ring_.ring_fd; }

 private:
  int enter(unsigned submit, unsigned wait, unsigned flags, uint64_t timeout_ns);

  Kernel* kernel_ = nullptr;
  io_uring ring_{};
  unsigned looked_ = 0;  // the tail, as far as it was looked at
};

}  // namespace gatio::fakes::conformance
