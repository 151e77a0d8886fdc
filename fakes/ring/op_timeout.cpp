// TIMEOUT, TIMEOUT_REMOVE, which also updates, and LINK_TIMEOUT.
#include <bit>

#include "fakes/ring/fake_ring.hpp"
#include "fakes/ring/time.hpp"

namespace gatio::fakes {
namespace {

constexpr uint32_t kMultishot = 1U << 6;  // IORING_TIMEOUT_MULTISHOT, Linux 6.4

// Reads a time; 0 or -errno.
int read_time(uint64_t address, uint64_t& time_ns) {
  const auto* time = reinterpret_cast<const __kernel_timespec*>(address);
  if (time == nullptr) return -EFAULT;
  if (time->tv_sec < 0 || time->tv_nsec < 0) return -EINVAL;
  time_ns = to_ns(*time);
  return 0;
}

int prepare_any_timeout(Request& request, uint32_t known_flags) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.addr3 != 0 || sqe.buf_index != 0 || sqe.len != 1 || sqe.splice_fd_in != 0) return -EINVAL;
  uint32_t flags = sqe.timeout_flags;
  if ((flags & ~known_flags) != 0) return -EINVAL;
  if (std::popcount(flags & IORING_TIMEOUT_CLOCK_MASK) > 1) return -EINVAL;
  if ((flags & kMultishot) != 0 && (flags & IORING_TIMEOUT_ABS) != 0) return -EINVAL;
  if ((flags & IORING_TIMEOUT_ABS) != 0 && (flags & IORING_TIMEOUT_CLOCK_MASK) != 0) {
    abort_unmodelled("absolute times of another clock than CLOCK_MONOTONIC");
  }
  return read_time(sqe.addr, request.time_ns);
}

uint64_t when(FakeRing& ring, uint64_t time_ns, uint32_t flags) {
  bool absolute = (flags & IORING_TIMEOUT_ABS) != 0;
  return after(absolute ? 0 : ring.machine().world.clock_ns(), time_ns);
}

Request* find_timeout(FakeRing& ring, uint64_t user_data, uint8_t opcode) {
  Request* oldest = nullptr;
  for (Request* each = ring.newest_live(); each != nullptr; each = each->live_previous) {
    if (each->state == RequestState::timing && each->operation != nullptr &&
        each->sqe.opcode == opcode && each->sqe.user_data == user_data) {
      oldest = each;
    }
  }
  return oldest;
}

}  // namespace

int prepare_timeout(FakeRing&, Request& request) {
  constexpr uint32_t kKnown =
      IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS | kMultishot;
  int error = prepare_any_timeout(request, kKnown);
  if (error != 0) return error;
  request.multishot = (request.sqe.timeout_flags & kMultishot) != 0;
  if (request.multishot) request.repeats = request.sqe.off;
  return 0;
}

Step do_timeout(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (!request.multishot && sqe.off != 0) {
    ring.start_counting(request, static_cast<uint32_t>(sqe.off));
  }
  request.state = RequestState::timing;
  ring.start_timer(request, when(ring, request.time_ns, sqe.timeout_flags));
  return Step::pending;
}

int prepare_timeout_remove(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.buf_index != 0 || sqe.len != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  uint32_t flags = sqe.timeout_flags;
  if ((flags & IORING_TIMEOUT_UPDATE_MASK) == 0) return flags != 0 ? -EINVAL : 0;
  if (std::popcount(flags & IORING_TIMEOUT_CLOCK_MASK) > 1) return -EINVAL;
  if ((flags & ~(IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS)) != 0) return -EINVAL;
  return read_time(sqe.addr2, request.time_ns);
}

Step do_timeout_remove(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  bool of_link = (sqe.timeout_flags & IORING_LINK_TIMEOUT_UPDATE) != 0;
  bool updates = (sqe.timeout_flags & IORING_TIMEOUT_UPDATE_MASK) != 0;
  Request* timeout =
      find_timeout(ring, sqe.addr, of_link ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT);
  if (timeout == nullptr) {
    request.result = -ENOENT;  // Also one that has expired and is not delivered (rule U43).
  } else if (updates) {
    // It no longer counts anything: neither completions nor its own repetitions.
    timeout->time_ns = request.time_ns;
    timeout->repeats = 0;
    if (timeout->counts) ring.count_no_longer(*timeout);
    ring.start_timer(*timeout, when(ring, request.time_ns, sqe.timeout_flags));
  } else {
    ring.finish_later(*timeout, -ECANCELED);
  }
  return Step::done;
}

// Rule U37: it belongs to the operation before it in a chain.
int prepare_link_timeout(FakeRing& ring, Request& request) {
  constexpr uint32_t kKnown =
      IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS;
  if (request.sqe.off != 0) return -EINVAL;
  int error = prepare_any_timeout(request, kKnown);
  if (error != 0) return error;
  Request* timed = ring.newest_chained();
  if (timed == nullptr || timed->sqe.opcode == IORING_OP_LINK_TIMEOUT) return -EINVAL;
  request.timed = timed;
  return 0;
}

Step do_link_timeout(FakeRing&, Request&) {
  GATIO_ASSERT(false);  // It is never issued: its operation arms it.
}

}  // namespace gatio::fakes
