// For the test of all orders of an operation's messages: a Kernel with rings that know NOP as an
// operation that takes its time, ASYNC_CANCEL and MSG_RING. What has ended stays with the kernel
// until the test delivers it, so that it decides when. One thread; owned by the test.
#pragma once

#include <liburing.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/memory/test_map_kernel.hpp"

namespace gatio {

class OperationKernel final : public MapKernel {
 public:
  static constexpr int kResult = 8;

  // Called where a driver would sleep: returns when `ready()`.
  std::function<void(std::function<bool()> ready)> sleep;

  // The operation that is in flight; nothing else may be at the same time.
  [[nodiscard]] bool in_flight() const { return in_flight_; }
  [[nodiscard]] bool cancelled() const { return in_flight_ && result_ < 0; }
  // Its CQE: kResult, or -ECANCELED.
  void deliver() {
    GATIO_ASSERT(in_flight_);
    in_flight_ = false;
    post(*ring_, user_data_, result_);
  }
  unsigned missed_cancels = 0;  // which found nothing

  int ring_setup(unsigned entries, io_uring_params& params, io_uring& ring) override {
    rings_.push_back(std::make_unique<Memory>());
    Memory& memory = *rings_.back();
    GATIO_ASSERT(entries <= kEntries && params.cq_entries <= kEntries);
    ring.sq.khead = &memory.sq_head;
    ring.sq.ktail = &memory.sq_tail;
    ring.sq.kflags = &memory.flags;
    ring.sq.sqes = memory.sqes;
    ring.sq.ring_mask = kEntries - 1;
    ring.sq.ring_entries = kEntries;
    ring.cq.khead = &memory.cq_head;
    ring.cq.ktail = &memory.cq_tail;
    ring.cq.cqes = memory.cqes;
    ring.cq.ring_mask = kEntries - 1;
    ring.cq.ring_entries = kEntries;
    ring.flags = params.flags;
    ring.ring_fd = ring.enter_ring_fd = static_cast<int>(rings_.size()) - 1;
    return 0;
  }
  int ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned, const void*,
                 size_t) override {
    Memory& memory = *rings_[static_cast<size_t>(ring.ring_fd)];
    for (unsigned i = 0; i < submit; ++i) take(memory, memory.sqes[memory.sq_head++ % kEntries]);
    if (wait > 0 && memory.cq_head == memory.cq_tail)
      sleep([&memory] { return memory.cq_head != memory.cq_tail; });
    return static_cast<int>(submit);
  }
  int ring_register(io_uring&, unsigned, const void*, unsigned) override { return -EINVAL; }
  void ring_close(io_uring&) override {}
  int ring_message(int target, uint64_t user_data) override {
    if (target < 0) return -EBADF;
    post(*rings_[static_cast<size_t>(target)], user_data, 0);
    return 0;
  }
  int pin(unsigned) override { return 0; }

 private:
  static constexpr unsigned kEntries = 64;
  struct Memory {
    unsigned sq_head = 0, sq_tail = 0, cq_head = 0, cq_tail = 0, flags = 0;
    io_uring_sqe sqes[kEntries];
    io_uring_cqe cqes[kEntries];
  };

  void take(Memory& memory, const io_uring_sqe& sqe) {
    switch (sqe.opcode) {
      case IORING_OP_NOP:
        GATIO_ASSERT(!in_flight_);
        in_flight_ = true;
        ring_ = &memory;
        user_data_ = sqe.user_data;
        result_ = kResult;
        return;
      case IORING_OP_ASYNC_CANCEL:
        if (in_flight_ && sqe.addr == user_data_) {
          result_ = -ECANCELED;
        } else {
          ++missed_cancels;
        }
        post(memory, sqe.user_data, 0);
        return;
      case IORING_OP_MSG_RING:
        ring_message(sqe.fd, sqe.off);
        return;
      default:
        GATIO_ASSERT(!"the test uses no other operation");
    }
  }
  static void post(Memory& memory, uint64_t user_data, int result) {
    GATIO_ASSERT(memory.cq_tail - memory.cq_head < kEntries);
    io_uring_cqe& cqe = memory.cqes[memory.cq_tail++ % kEntries];
    cqe.user_data = user_data;
    cqe.res = result;
    cqe.flags = 0;
  }

  std::vector<std::unique_ptr<Memory>> rings_;
  bool in_flight_ = false;
  Memory* ring_ = nullptr;
  uint64_t user_data_ = 0;
  int result_ = 0;
};

}  // namespace gatio
