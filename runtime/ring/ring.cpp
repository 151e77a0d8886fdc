#include "runtime/ring/ring.hpp"

#include <cerrno>
#include <string>

#include "runtime/kernel/environment.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio {
namespace {

constexpr unsigned kRequiredFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                    IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                                    IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
// How often a full SQ is offered to a kernel that takes nothing, before SQEs are kept aside.
constexpr int kSubmitAttempts = 3;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
// The size of the kernel's signal set, which is not that of the C library's.
constexpr unsigned kKernelSignalSetBytes = 8;

}  // namespace

Result<void> Ring::open(Kernel& kernel, const RingOptions& options) {
  GATIO_ASSERT(!is_open());
  std::string shape = std::to_string(options.sq_entries) + " SQ and " +
                      std::to_string(options.cq_entries) + " CQ entries";
  if (options.sq_entries == 0 || options.cq_entries < options.sq_entries) {
    return fail(EINVAL,
                "a ring with " + shape +
                    " is not possible; it needs at least 1 SQ entry and as many CQ entries");
  }
  features_ = Features{.no_sqarray = !options.without.no_sqarray};
  int result = setup(kernel, options, features_.no_sqarray ? IORING_SETUP_NO_SQARRAY : 0);
  if (result == -EINVAL && features_.no_sqarray) {
    features_.no_sqarray = false;
    result = setup(kernel, options, 0);
  }
  if (result < 0) {
    return fail(-result, "io_uring_setup with " + shape + ": " + ring_setup_problem(-result));
  }
  kernel_ = &kernel;
  stats_ = {};
  if (!options.without.registered_ring_fd) register_ring_fd();
  // No ring has the descriptor -1: a kernel that knows the call says so, another says -EINVAL.
  features_.sync_message =
      !options.without.sync_message && kernel.ring_message(-1, kWakeUserData) == -EBADF;
  return {};
}

int Ring::setup(Kernel& kernel, const RingOptions& options, unsigned optional_flags) {
  io_uring_params params{};
  params.flags = kRequiredFlags | optional_flags;
  params.cq_entries = options.cq_entries;
  ring_ = {};
  return kernel.ring_setup(options.sq_entries, params, ring_);
}

// The kernel keeps 16 places for each thread; where they are taken, the descriptor does as well.
void Ring::register_ring_fd() {
  io_uring_rsrc_update update{};
  update.offset = ~0U;  // any free place; the kernel writes back which
  update.data = static_cast<uint64_t>(ring_.ring_fd);
  if (register_with(IORING_REGISTER_RING_FDS, &update, 1) != 1) return;
  ring_.enter_ring_fd = static_cast<int>(update.offset);
  ring_.int_flags |= uapi::kRingFdRegistered;
  features_.registered_ring_fd = true;
}

void Ring::close() {
  if (!is_open()) return;
  kernel_->ring_close(ring_);
  kernel_ = nullptr;
  ring_ = {};
  spilled_.clear();
  spilling_ = false;
  features_ = {};
}

Result<void> Ring::enter_kernel(bool wait, uint64_t timeout_ns) {
  if (spilling_) unspill();
  // The release pairs with the kernel's acquire of the tail: the SQEs before it are whole.
  io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  ring_.sq.sqe_head = ring_.sq.sqe_tail;
  unsigned submit = io_uring_sq_ready(&ring_);
  unsigned held_back = kernel_flags() & kFetchFlags;
  // What is still kept aside may be the wake-up that others wait for: it must not sleep with us.
  if (wait && (spilling_ || has_completions())) wait = false;
  if (submit == 0 && held_back == 0 && !wait) return {};

  __kernel_timespec timeout{};
  io_uring_getevents_arg argument{};
  unsigned flags = held_back != 0 ? IORING_ENTER_GETEVENTS : 0;
  if (wait) {
    flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    argument.sigmask_sz = kKernelSignalSetBytes;
    if (timeout_ns != kNoTimeout) {
      timeout.tv_sec = static_cast<int64_t>(timeout_ns / kNsPerSecond);
      timeout.tv_nsec = static_cast<int64_t>(timeout_ns % kNsPerSecond);
      argument.ts = reinterpret_cast<uint64_t>(&timeout);
    }
  }
  ++stats_.enters;
  stats_.waits += wait ? 1 : 0;
  if ((held_back & IORING_SQ_CQ_OVERFLOW) != 0) ++stats_.cq_overflow_events;
  int result = kernel_->ring_enter(ring_, submit, wait ? 1 : 0, flags, wait ? &argument : nullptr,
                                   wait ? sizeof argument : 0);
  if (result < 0) [[unlikely]]
    return after_failure(-result);
  // Fewer than asked is no error: the kernel's head says what it took, the rest goes with the next
  // enter.
  stats_.sqes += static_cast<unsigned>(result);
  return {};
}

Result<void> Ring::after_failure(int error) {
  switch (error) {
    case ETIME:
      ++stats_.timeouts;
      return {};
    case EINTR:
      ++stats_.interrupts;
      return {};
    case EAGAIN:  // no memory for a request at the moment
    case EBUSY:   // too many CQEs wait outside the CQ; reaping makes room, and the next enter
                  // fetches them
      ++stats_.refusals;
      return {};
    case EBADR:
      return fail(
          error,
          "io_uring_enter: the kernel lost completions because it had no memory left for them; "
          "give the machine more memory or the rings more CQ entries");
    default:
      return fail(error, "io_uring_enter failed: " + Error{error, {}}.message() +
                             "; the ring cannot be used any more");
  }
}

io_uring_sqe* Ring::sqe_when_full() {
  ++stats_.sq_full;
  if (!spilling_) make_room();
  if (!spilling_) return io_uring_get_sqe(&ring_);
  ++stats_.spilled_sqes;
  return &spilled_.emplace_back();
}

// Submits until there is room; if the kernel takes nothing, all SQEs that follow are kept aside
// until it does.
void Ring::make_room() {
  for (int attempt = 0; attempt < kSubmitAttempts && !spilling_; ++attempt) {
    // An error that stays will come again from the driver's own enter(), where it can be reported.
    static_cast<void>(enter_kernel(false, kNoTimeout));
    if (io_uring_sq_space_left(&ring_) > 0) return;
  }
  spilling_ = true;
}

// Moves what was kept aside into the SQ, as far as there is room.
void Ring::unspill() {
  while (!spilled_.empty()) {
    if (io_uring_sq_space_left(&ring_) == 0) return;
    *io_uring_get_sqe(&ring_) = spilled_.front();
    spilled_.pop_front();
  }
  spilling_ = false;
}

}  // namespace gatio
