// What the tests of fake rings share: a kernel whose choices are given, and a ring of the runtime's
// kind with liburing's helpers on it. For *_test.cpp only.
#pragma once

#include <gtest/gtest.h>
#include <liburing.h>

#include <functional>
#include <string>
#include <vector>

#include "fakes/alone.hpp"
#include "fakes/fake_kernel.hpp"
#include "fakes/ring/ring_memory.hpp"

namespace gatio::fakes {

inline constexpr unsigned kRingFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                       IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                                       IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;

// A ring and its user. All CQEs that are reaped stay in `seen`.
class TestRing {
 public:
  explicit TestRing(FakeKernel& kernel, unsigned sq_entries = 64, unsigned cq_entries = 128,
                    unsigned flags = kRingFlags)
      : kernel_(kernel) {
    io_uring_params params{};
    params.flags = flags;
    params.cq_entries = cq_entries;
    setup_result = kernel.ring_setup(sq_entries, params, ring);
  }
  ~TestRing() { close(); }
  TestRing(const TestRing&) = delete;
  TestRing& operator=(const TestRing&) = delete;
  void close() {
    if (setup_result == 0) kernel_.ring_close(ring);
    setup_result = -EBADF;
  }

  // A fresh SQE that says `prepare` and has this user_data.
  io_uring_sqe* add(uint64_t user_data, const std::function<void(io_uring_sqe*)>& prepare,
                    unsigned flags = 0) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    if (sqe == nullptr) return nullptr;
    prepare(sqe);
    sqe->user_data = user_data;
    sqe->flags |= static_cast<uint8_t>(flags);
    return sqe;
  }
  io_uring_sqe* nop(uint64_t user_data, unsigned flags = 0) {
    return add(
        user_data, [](io_uring_sqe* sqe) { io_uring_prep_nop(sqe); }, flags);
  }

  // Enters with all that is queued.
  int enter(unsigned flags = 0, unsigned wait = 0, uint64_t timeout_ns = ~uint64_t{0}) {
    io_uring_smp_store_release(ring.sq.ktail, ring.sq.sqe_tail);
    ring.sq.sqe_head = ring.sq.sqe_tail;
    return enter_with(io_uring_sq_ready(&ring), flags, wait, timeout_ns);
  }
  int enter_with(unsigned submit, unsigned flags, unsigned wait = 0,
                 uint64_t timeout_ns = ~uint64_t{0}) {
    if (timeout_ns == ~uint64_t{0}) {
      return kernel_.ring_enter(ring, submit, wait, flags, nullptr, 0);
    }
    __kernel_timespec time{.tv_sec = static_cast<int64_t>(timeout_ns / 1'000'000'000),
                           .tv_nsec = static_cast<int64_t>(timeout_ns % 1'000'000'000)};
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<uint64_t>(&time);
    return kernel_.ring_enter(ring, submit, wait, flags | IORING_ENTER_EXT_ARG, &argument,
                              sizeof argument);
  }
  int fetch() { return enter(IORING_ENTER_GETEVENTS); }
  int wait(unsigned count = 1) { return enter(IORING_ENTER_GETEVENTS, count); }

  [[nodiscard]] unsigned ready() const { return io_uring_cq_ready(&ring); }
  [[nodiscard]] bool flag(unsigned flag) const { return (*ring.sq.kflags & flag) != 0; }

  // Takes at most `limit` CQEs and returns them.
  std::vector<Cqe> reap(unsigned limit = ~0U) {
    std::vector<Cqe> taken;
    while (taken.size() < limit && ready() > 0) {
      const io_uring_cqe& cqe = ring.cq.cqes[*ring.cq.khead & ring.cq.ring_mask];
      taken.push_back({cqe.user_data, cqe.res, cqe.flags});
      io_uring_cq_advance(&ring, 1);
    }
    seen.insert(seen.end(), taken.begin(), taken.end());
    return taken;
  }
  // Fetches and reaps until nothing more comes of itself.
  std::vector<Cqe> settle() {
    std::vector<Cqe> all;
    do {
      fetch();
      std::vector<Cqe> taken = reap();
      all.insert(all.end(), taken.begin(), taken.end());
    } while (flag(IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
    return all;
  }

  io_uring ring{};
  int setup_result = 0;
  std::vector<Cqe> seen;

 private:
  FakeKernel& kernel_;
};

// A kernel with the tamest choices and Alone as its execution.
class RingTest : public testing::Test {
 protected:
  explicit RingTest(const FakeKernelOptions& options = {}) : kernel(choices, options) {
    kernel.set_execution(alone);
  }
  // Lets time pass.
  void pass(uint64_t ns) { alone.pass_until(kernel.now_ns() + ns); }

  Choices choices{std::vector<uint32_t>{}};
  FakeKernel kernel;
  Alone alone{kernel.world()};
};

inline std::string text(const std::vector<Cqe>& cqes) {
  std::string all;
  for (const Cqe& cqe : cqes) {
    all += (all.empty() ? "" : " ") + std::to_string(cqe.user_data) + ":" + std::to_string(cqe.res);
    if ((cqe.flags & IORING_CQE_F_MORE) != 0) all += "+";
    if ((cqe.flags & IORING_CQE_F_NOTIF) != 0) all += "n";
  }
  return all;
}

}  // namespace gatio::fakes
