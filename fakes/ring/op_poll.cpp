// POLL_ADD and POLL_REMOVE, which also updates.
#include <poll.h>

#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {
namespace {

Request* find_poll(FakeRing& ring, uint64_t user_data) {
  for (Request* each = ring.newest_live(); each != nullptr; each = each->live_previous) {
    if (each->state == RequestState::polling && each->sqe.opcode == IORING_OP_POLL_ADD &&
        each->sqe.user_data == user_data) {
      return each;
    }
  }
  return nullptr;
}

uint32_t mask_of(uint32_t events) {
  return (events & 0xffff) | kAlwaysPolled;
}

}  // namespace

int prepare_poll_add(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.buf_index != 0 || sqe.off != 0 || sqe.addr != 0) return -EINVAL;
  if ((sqe.len & ~IORING_POLL_ADD_MULTI) != 0) return -EINVAL;
  request.multishot = (sqe.len & IORING_POLL_ADD_MULTI) != 0;
  if (request.multishot && request.skips_cqe) return -EINVAL;
  request.poll_mask = mask_of(sqe.poll32_events);
  return 0;
}

Step do_poll_add(FakeRing& ring, Request& request) {
  uint32_t events = request.woken_for != 0 ? request.woken_for : request.file->poll();
  uint32_t ready = events & request.poll_mask;
  request.woken_for = 0;
  if (ready == 0) return Step::wait;
  // What is ready from the start is delivered by task work if more is to follow.
  if (request.multishot && !request.started) {
    request.woken_for = ready;
    return Step::again;
  }
  auto result = static_cast<int32_t>(ready);
  if (request.multishot && ring.post_more(request, result, 0)) return Step::wait;
  request.result = result;
  return Step::done;
}

int prepare_poll_remove(FakeRing&, Request& request) {
  constexpr uint32_t kUpdates = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA;
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if ((sqe.len & ~(kUpdates | IORING_POLL_ADD_MULTI)) != 0) return -EINVAL;
  if (sqe.len == IORING_POLL_ADD_MULTI) return -EINVAL;
  if ((sqe.len & IORING_POLL_UPDATE_USER_DATA) == 0 && sqe.off != 0) return -EINVAL;
  if ((sqe.len & IORING_POLL_UPDATE_EVENTS) == 0 && sqe.poll32_events != 0) return -EINVAL;
  return 0;
}

Step do_poll_remove(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  Request* poll = find_poll(ring, sqe.addr);
  if (poll == nullptr) {
    request.result = -ENOENT;
  } else if (poll->queued) {
    // It stays, but has to look again whether what it was woken for is still so.
    poll->woken_for = 0;
    request.result = -EALREADY;
  } else if (sqe.len == 0) {
    ring.finish_later(*poll, -ECANCELED);
  } else {
    if ((sqe.len & IORING_POLL_UPDATE_EVENTS) != 0) poll->poll_mask = mask_of(sqe.poll32_events);
    if ((sqe.len & IORING_POLL_UPDATE_USER_DATA) != 0) poll->sqe.user_data = sqe.off;
    // What it waits for now may be there already: task work looks.
    if ((poll->file->poll() & poll->poll_mask) != 0) ring.enqueue(*poll);
  }
  return Step::done;
}

}  // namespace gatio::fakes
