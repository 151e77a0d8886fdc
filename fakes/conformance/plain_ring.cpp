#include "fakes/conformance/plain_ring.hpp"

#include <algorithm>

#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr unsigned kFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                            IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr unsigned kKernelSignalSetBytes = 8;

}  // namespace

int PlainRing::open(Kernel& kernel, unsigned sq_entries, unsigned cq_entries, Batch batch) {
  io_uring_params params{};
  params.flags = kFlags | (batch == Batch::goes_on ? IORING_SETUP_SUBMIT_ALL : 0);
  params.cq_entries = cq_entries;
  ring_ = {};
  looked_ = 0;
  int result = kernel.ring_setup(sq_entries, params, ring_);
  if (result >= 0) kernel_ = &kernel;
  return result;
}

void PlainRing::close() {
  if (kernel_ == nullptr) return;
  kernel_->ring_close(ring_);
  kernel_ = nullptr;
}

int PlainRing::enter(unsigned submit, unsigned wait, unsigned flags, uint64_t timeout_ns) {
  if (wait == 0) return kernel_->ring_enter(ring_, submit, 0, flags, nullptr, 0);
  __kernel_timespec timeout{};
  timeout.tv_sec = static_cast<int64_t>(timeout_ns / kNsPerSecond);
  timeout.tv_nsec = static_cast<int64_t>(timeout_ns % kNsPerSecond);
  io_uring_getevents_arg argument{};
  argument.sigmask_sz = kKernelSignalSetBytes;
  argument.ts = reinterpret_cast<uint64_t>(&timeout);
  return kernel_->ring_enter(ring_, submit, wait, flags | IORING_ENTER_EXT_ARG, &argument,
                             sizeof argument);
}

int PlainRing::submit(unsigned wait, uint64_t timeout_ns) {
  // The release pairs with the kernel's acquire of the tail: the SQEs before it are whole.
  io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  ring_.sq.sqe_head = ring_.sq.sqe_tail;
  return enter(io_uring_sq_ready(&ring_), wait, wait > 0 ? IORING_ENTER_GETEVENTS : 0, timeout_ns);
}

int PlainRing::fetch(unsigned wait, uint64_t timeout_ns) {
  return enter(0, wait, IORING_ENTER_GETEVENTS, timeout_ns);
}

unsigned PlainRing::kernel_flags() const {
  return io_uring_smp_load_acquire(ring_.sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN);
}

const io_uring_cqe* PlainRing::look() {
  if (looked_ == io_uring_smp_load_acquire(ring_.cq.ktail)) return nullptr;
  return &ring_.cq.cqes[looked_++ & ring_.cq.ring_mask];
}

void PlainRing::reap(unsigned count) {
  io_uring_cq_advance(&ring_, std::min(count, looked_ - *ring_.cq.khead));
}

}  // namespace gatio::fakes::conformance
