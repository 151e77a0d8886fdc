#include "fakes/ring/cancel.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace gatio::fakes {
namespace {

constexpr uint32_t kKnownFlags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD |
                                 IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED |
                                 kCancelUserData | kCancelOpcode;

bool is_running_timeout(const Request& request) {
  return request.state == RequestState::timing && request.operation != nullptr &&
         request.sqe.opcode == IORING_OP_TIMEOUT;
}

bool is_cancellable(const Request& request) {
  if (request.claimed) return false;
  return request.state == RequestState::polling || request.state == RequestState::working ||
         is_running_timeout(request);
}

bool matches(const Request& request, const CancelKey& key) {
  if (!is_cancellable(request)) return false;
  if ((key.flags & IORING_ASYNC_CANCEL_ANY) != 0) return true;
  if ((key.flags & IORING_ASYNC_CANCEL_FD) != 0 &&
      (is_running_timeout(request) || request.file != key.file)) {
    return false;
  }
  if ((key.flags & kCancelOpcode) != 0 && request.sqe.opcode != key.opcode) return false;
  bool by_user_data =
      (key.flags & (IORING_ASYNC_CANCEL_FD | kCancelOpcode)) == 0 || (key.flags & kCancelUserData);
  return !by_user_data || request.sqe.user_data == key.user_data;
}

}  // namespace

int cancel_one(FakeRing& ring, Request& request) {
  switch (request.state) {
    case RequestState::polling:
      // Task work that is queued already, for bytes that have come, finds the mark (rule U42).
      request.cancelled = true;
      ring.enqueue(request);
      return 0;
    case RequestState::timing:
      if (!is_running_timeout(request)) return -ENOENT;
      ring.finish_later(request, -ECANCELED);
      return 0;
    case RequestState::working:
      // A worker that has begun goes on to the end.
      if (ring.machine().world.choices.choose(ChoiceKind::order, 2) == 0) return -EALREADY;
      ring.finish_later(request, -ECANCELED);
      return 0;
    default:
      return -ENOENT;
  }
}

int cancel(FakeRing& ring, const CancelKey& key) {
  Choices& choices = ring.machine().world.choices;
  // Those that wait for files first, as Linux looks, each kind from the newest on. Linux goes by a
  // hash: any order.
  std::vector<Request*> found;
  for (bool timeouts : {false, true}) {
    for (Request* each = ring.newest_live(); each != nullptr; each = each->live_previous) {
      if (matches(*each, key) && is_running_timeout(*each) == timeouts) found.push_back(each);
    }
  }
  if ((key.flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)) != 0) {
    int count = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      auto left = static_cast<uint32_t>(found.size() - i);
      std::swap(found[i], found[i + choices.choose(ChoiceKind::order, left)]);
      if (cancel_one(ring, *found[i]) == 0) ++count;
    }
    return count;
  }
  if (found.empty()) return -ENOENT;
  // Whoever was found before, and has not ended yet, is found again.
  auto again =
      std::find_if(found.begin(), found.end(), [](const auto* each) { return each->cancelled; });
  if (again != found.end()) std::swap(*again, found.front());
  auto which = choices.choose(ChoiceKind::order, static_cast<uint32_t>(found.size()));
  return cancel_one(ring, *found[which]);
}

int prepare_cancel(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.off != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if ((sqe.cancel_flags & ~kKnownFlags) != 0) return -EINVAL;
  bool any = (sqe.cancel_flags & IORING_ASYNC_CANCEL_ANY) != 0;
  if (any && (sqe.cancel_flags & (IORING_ASYNC_CANCEL_FD | kCancelOpcode)) != 0) return -EINVAL;
  return 0;
}

Step do_cancel(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  CancelKey key{.flags = sqe.cancel_flags,
                .user_data = sqe.addr,
                .opcode = static_cast<uint8_t>(sqe.len),
                .file = nullptr};
  if ((key.flags & IORING_ASYNC_CANCEL_FD) != 0) {
    bool fixed = request.fixed_file || (key.flags & IORING_ASYNC_CANCEL_FD_FIXED) != 0;
    key.file = fixed ? ring.fixed_file(sqe.fd) : ring.machine().descriptors.get(sqe.fd);
    if (key.file == nullptr) request.result = -EBADF;
  }
  if (request.result == 0) request.result = cancel(ring, key);
  return Step::done;
}

}  // namespace gatio::fakes
