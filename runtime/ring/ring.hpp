// One io_uring in DEFER_TASKRUN mode behind the Kernel seam: prepare SQEs, enter, reap CQEs. Owned
// by one driver; opened, used and closed on that driver's thread only (the kernel enforces it). The
// three calls of a turn are sqe(), enter() and reap(); what the kernel refuses for the moment stays
// queued for the next enter.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <deque>

#include "runtime/base/assert.hpp"
#include "runtime/base/result.hpp"
#include "runtime/kernel/features.hpp"
#include "runtime/kernel/kernel.hpp"
#include "runtime/ring/completion.hpp"

namespace gatio {

struct RingOptions {
  unsigned sq_entries = 1024;  // rounded up to a power of two by the kernel
  unsigned cq_entries = 4096;  // at least sq_entries
  Features without;            // features not to be used although the kernel has them
};

struct RingStats {
  uint64_t enters = 0;              // system calls
  uint64_t waits = 0;               // those that were allowed to sleep
  uint64_t sqes = 0;                // SQEs that the kernel has consumed
  uint64_t wake_sqes = 0;           // SQEs prepared to wake another driver
  uint64_t cqes = 0;                // CQEs reaped
  uint64_t wake_cqes = 0;           // those of them that were wake-ups for us
  uint64_t cq_overflow_events = 0;  // enters that found CQEs waiting outside the CQ
  uint64_t refusals = 0;            // enters that ended with -EAGAIN or -EBUSY
  uint64_t interrupts = 0;          // enters that ended with -EINTR
  uint64_t timeouts = 0;            // waits that ended with -ETIME
  uint64_t sq_full = 0;             // sqe() found no room
  uint64_t spilled_sqes = 0;        // SQEs kept outside the SQ because the kernel took none
};

inline constexpr uint64_t kNoTimeout = UINT64_MAX;

class Ring {
 public:
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { close(); }

  // Sets the ring up on the calling thread, which becomes its only user, with what the kernel has
  // of the optional features. The error says which call failed and what to do.
  Result<void> open(Kernel& kernel, const RingOptions& options);
  // Closes the ring if it is open. Operations in flight are given up by the kernel without a CQE.
  void close();
  [[nodiscard]] bool is_open() const { return kernel_ != nullptr; }

  // A fresh SQE for an io_uring_prep_* helper (they set every field but user_data, which is 0
  // here). Fill it completely before the next sqe(): when the SQ is full, that one submits what is
  // queued. Never null: if the kernel takes nothing, SQEs are kept aside and follow, in order, with
  // later enters. A pointer is good until the next sqe() or enter().
  io_uring_sqe* sqe() {
    io_uring_sqe* entry = spilling_ ? nullptr : io_uring_get_sqe(&ring_);
    if (entry == nullptr) [[unlikely]]
      entry = sqe_when_full();
    entry->user_data = kNobodyUserData;
    return entry;
  }
  // The same, for an SQE that only wakes another driver: counted apart.
  io_uring_sqe* wake_sqe() {
    ++stats_.wake_sqes;
    return sqe();
  }

  // Submits what is queued and fetches what the kernel holds back. With `wait` it sleeps until
  // there is at least one CQE, a signal, or `timeout_ns` has passed; not if there are CQEs already.
  // It may return early with SQEs still queued (EINTR, EAGAIN, EBUSY, short submit): the next enter
  // goes on. No system call where there is nothing to do. An error means that the ring cannot be
  // used any more.
  Result<void> enter(bool wait, uint64_t timeout_ns = kNoTimeout) {
    if (!wait && !needs_enter()) return {};
    return enter_kernel(wait, timeout_ns);
  }

  // Hands at most `limit` CQEs to their completions and returns how many. Completions may call
  // sqe(), which may enter; the CQ's slots are given back only after the last of them.
  unsigned reap(unsigned limit);

  [[nodiscard]] bool has_completions() const { return io_uring_cq_ready(&ring_) != 0; }
  // The same, or more of them wait for room in the CQ.
  [[nodiscard]] bool has_unreaped() const {
    return has_completions() || (kernel_flags() & IORING_SQ_CQ_OVERFLOW) != 0;
  }
  // Whether there is anything to submit or to fetch.
  [[nodiscard]] bool needs_enter() const {
    return queued() != 0 || (kernel_flags() & kFetchFlags) != 0;
  }
  // SQEs prepared that the kernel has not consumed.
  [[nodiscard]] unsigned queued() const {
    return io_uring_sq_ready(&ring_) + static_cast<unsigned>(spilled_.size());
  }

  [[nodiscard]] int fd() const { return ring_.ring_fd; }  // the target of messages
  [[nodiscard]] unsigned sq_entries() const { return ring_.sq.ring_entries; }
  [[nodiscard]] unsigned cq_entries() const { return ring_.cq.ring_entries; }
  [[nodiscard]] const Features& features() const { return features_; }  // those in use
  [[nodiscard]] const RingStats& stats() const { return stats_; }
  [[nodiscard]] Kernel& kernel() const { return *kernel_; }
  // io_uring_register(2) on this ring, for those who own something registered with it.
  int register_with(unsigned opcode, const void* arg, unsigned count) {
    return kernel_->ring_register(ring_, opcode, arg, count);
  }

 private:
  static constexpr unsigned kFetchFlags = IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN;

  // Written by the kernel on any CPU at any time; a flag that is seen late is seen by the next
  // turn.
  [[nodiscard]] unsigned kernel_flags() const {
    return __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  }
  int setup(Kernel& kernel, const RingOptions& options, unsigned optional_flags);
  void register_ring_fd();
  Result<void> enter_kernel(bool wait, uint64_t timeout_ns);
  Result<void> after_failure(int error);
  io_uring_sqe* sqe_when_full();
  void make_room();
  void unspill();

  Kernel* kernel_ = nullptr;
  io_uring ring_{};
  std::deque<io_uring_sqe> spilled_;  // SQEs for which the kernel left no room, oldest first
  bool spilling_ = false;             // new SQEs go to spilled_, so that the order stays
  bool reaping_ = false;
  Features features_;
  RingStats stats_;
};

// Wakes the driver that owns the ring `target_ring_fd` with the next enter of `from`: a CQE with
// kWakeUserData appears there. On our side only a failure leaves a CQE (-EBADFD when there is no
// such ring, -EOVERFLOW when the kernel had no memory): `failed` is told, and must find another
// way.
inline void send_message(Ring& from, int target_ring_fd, Completion& failed) {
  io_uring_sqe* sqe = from.wake_sqe();
  io_uring_prep_msg_ring(sqe, target_ring_fd, 0, kWakeUserData, 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data(sqe, &failed);
}

// Makes `sqe` ask the kernel to cancel the operation that completes to `target`, which ends by its
// own CQE in any case. Nobody is told how the cancellation itself went: it says nothing that the
// target's CQE does not. Whoever cancels I/O takes the SQE from Driver::io_sqe(), which is where an
// exec driver is stopped (design R2).
inline void prepare_cancel(io_uring_sqe* sqe, Completion& target) {
  io_uring_prep_cancel(sqe, &target, 0);
  sqe->user_data = kNobodyUserData;
}

inline unsigned Ring::reap(unsigned limit) {
  GATIO_ASSERT(!reaping_);
  reaping_ = true;
  // The acquire in io_uring_cq_ready pairs with the kernel's release of the tail: the CQEs before
  // it are whole.
  unsigned ready = io_uring_cq_ready(&ring_);
  unsigned count = ready < limit ? ready : limit;
  unsigned head = *ring_.cq.khead;
  for (unsigned i = 0; i < count; ++i) {
    const io_uring_cqe& cqe = ring_.cq.cqes[(head + i) & ring_.cq.ring_mask];
    if (cqe.user_data > kWakeUserData) [[likely]] {
      auto* completion = reinterpret_cast<Completion*>(cqe.user_data);
      completion->complete(completion, cqe.res, cqe.flags);
    } else if (cqe.user_data == kWakeUserData) {
      ++stats_.wake_cqes;
    }
  }
  // The release in io_uring_cq_advance pairs with the kernel's acquire of the head: it may
  // overwrite the CQEs before it, which we have read.
  io_uring_cq_advance(&ring_, count);
  stats_.cqes += count;
  reaping_ = false;
  return count;
}

}  // namespace gatio
