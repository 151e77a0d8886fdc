// RECV and RECVMSG, single and multishot.
#include <poll.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "fakes/ring/bundle.hpp"
#include "fakes/ring/transfer.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

// CQEs that a multishot request may post before it goes behind the others (rule U23).
constexpr unsigned kMostRepeats = 32;

int prepare_any_receive(Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  constexpr unsigned kKnown = IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT | uapi::kBundle;
  if ((sqe.ioprio & ~kKnown) != 0) return -EINVAL;
  constexpr unsigned kKnownFlags = MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC;
  if ((sqe.msg_flags & ~kKnownFlags) != 0) abort_unmodelled("such msg_flags of a receive");
  request.multishot = (sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
  if (!request.multishot) return 0;
  if ((sqe.flags & IOSQE_BUFFER_SELECT) == 0) return -EINVAL;
  return (sqe.msg_flags & MSG_WAITALL) != 0 ? -EINVAL : 0;
}

// One attempt: its bytes into the selected memory. Faults apply to streams only.
Received receive(FakeRing& ring, Request& request, Socket& socket, std::span<const iovec> to) {
  Machine& machine = ring.machine();
  machine.charge(machine.costs.receive_ns);
  int flags = static_cast<int>(request.sqe.msg_flags) & ~MSG_WAITALL;
  // A stream throws the bytes away then.
  if ((flags & MSG_TRUNC) != 0 && socket.is_stream()) abort_unmodelled("MSG_TRUNC of a stream");
  Received got = socket.receive(socket.is_stream() ? shorten(ring, to) : to, flags);
  if (got.result > 0) {
    machine.charge(static_cast<uint64_t>(got.result) * machine.costs.copy_ns_per_kib / 1024);
  }
  return got;
}

// Whether the socket is worth another look at once: a stream says so, and in the CQE as well (rule
// U20); of datagrams Linux always takes it for likely.
bool has_more(const Socket& socket, const Received& got) {
  return got.more || !socket.is_stream();
}

// At its end, too, but not after a reset, a stream counts as not empty (rule U20).
uint32_t nonempty(const Socket& socket, const Received& got) {
  return got.result >= 0 && socket.is_stream() && got.more ? IORING_CQE_F_SOCK_NONEMPTY : 0;
}

// The common beginning. True when the attempt is over, with `step`.
bool begins_otherwise(Request& request, Step& step) {
  request.poll_mask = POLLIN;
  step = Step::done;
  if (!request.file->is_socket()) {
    request.result = -ENOTSOCK;
    return true;
  }
  if ((request.sqe.ioprio & IORING_RECVSEND_POLL_FIRST) == 0 || request.started) return false;
  bool ready = (request.file->poll() & (POLLIN | POLLERR | POLLHUP)) != 0;
  step = ready ? Step::again : Step::wait;
  return true;
}

// Takes note of a CQE's bytes; false when the request's limit is reached (rule U22).
bool within_limit(Request& request, int64_t bytes) {
  if (request.left_bytes == 0) return true;
  request.left_bytes -= std::min(request.left_bytes, static_cast<uint64_t>(bytes));
  return request.left_bytes > 0;
}

// What a multishot receive does after one that gave something; nothing: it goes on at once.
enum class After : uint8_t { go_on, wait, again, done };

// Behind the others, where its file is asked whether there is more; before it has ever waited that
// is part of beginning to wait.
After go_behind(Request& request) {
  request.posted = 0;
  request.woken_for = 0;
  return request.started ? After::again : After::wait;
}

// Posts what came, with MORE, and begins anew; once `capped` it is others' turn first.
After post_and_begin_anew(FakeRing& ring, Request& request, const Socket& socket,
                          const Received& got, bool capped) {
  if (!ring.post_more(request, request.result, request.flags)) return After::done;
  request.flags = 0;
  request.most_bytes = 0;
  request.partial = false;
  if (!has_more(socket, got)) return After::wait;
  return !capped && request.posted++ < kMostRepeats ? After::go_on : go_behind(request);
}

After post_one(FakeRing& ring, Request& request, const Socket& socket, const Received& got) {
  request.flags |= nonempty(socket, got);
  if (!within_limit(request, request.result)) return After::done;
  return post_and_begin_anew(ring, request, socket, got, false);
}

Step to_step(After after) {
  if (after == After::wait) return Step::wait;
  return after == After::again ? Step::again : Step::done;
}

Step receive_many(FakeRing& ring, Request& request, Socket& socket) {
  for (;;) {
    Selection selection;
    request.result = select(ring, request, selection);
    if (request.result < 0) return Step::done;
    Received got = receive(ring, request, socket, selection.parts);
    if (got.result == -EAGAIN && (request.sqe.msg_flags & MSG_DONTWAIT) == 0) return Step::wait;
    request.result = static_cast<int32_t>(got.result);
    if (got.result <= 0) {
      request.flags |= nonempty(socket, got);
      return Step::done;
    }
    request.flags = selection.take(static_cast<size_t>(got.result));
    After after = post_one(ring, request, socket, got);
    if (after != After::go_on) return to_step(after);
  }
}

// One CQE of a bundle: a first pass into as many buffers as it looks at without knowing more, and,
// if that filled them, a second for what is in the socket still. False when it has to wait.
bool receive_bundle(FakeRing& ring, Request& request, Socket& socket, Received& got) {
  size_t cap = request.parts[0].iov_len;
  bool may_wait = (request.sqe.msg_flags & MSG_DONTWAIT) == 0;
  request.result = 0;
  request.flags = 0;
  for (bool second = false;; second = true) {
    size_t most = request.most_bytes > 0 ? request.most_bytes : cap;
    if (second || most == 0) most = got.left > 1 ? got.left : most;
    if (request.left_bytes > 0) most = std::min(most > 0 ? most : ~size_t{0}, request.left_bytes);
    Bundle bundle;
    if (int error = look_for_room(ring, request, most, bundle); error < 0) {
      got = {.result = error};
      request.failed = true;  // even with what the first pass had
      return true;
    }
    got = receive(ring, request, socket, bundle.parts);
    if (got.result == -EAGAIN && may_wait) return second;
    if (got.result < 0) request.failed = true;
    if (got.result <= 0) return true;
    auto bytes = static_cast<size_t>(got.result);
    uint32_t flags = bundle.take(bytes) | nonempty(socket, got);
    constexpr uint32_t kOfLast = IORING_CQE_F_SOCK_NONEMPTY | uapi::kCqeBufferMore;
    request.flags |= second ? flags & kOfLast : flags;
    request.result += static_cast<int32_t>(got.result);
    bool goes_on = within_limit(request, request.result) && !request.buffers_end;
    if (request.multishot && cap > 0 && static_cast<size_t>(request.result) >= cap) return true;
    bool full = !request.partial && bytes == total_bytes(bundle.parts);
    if (second || !goes_on || !full || got.left <= 1) return true;
    // Even where the second pass finds no buffer.
    request.flags &= ~kOfLast;
  }
}

Step receive_bundles(FakeRing& ring, Request& request, Socket& socket) {
  bool limited = request.left_bytes > 0;
  size_t cap = request.parts[0].iov_len;
  for (Received got;;) {
    if (!receive_bundle(ring, request, socket, got)) return Step::wait;
    if (request.result == 0) {
      request.result = static_cast<int32_t>(got.result);
      request.flags |= nonempty(socket, got);
      return Step::done;
    }
    bool last = got.result <= 0 || request.buffers_end || (limited && request.left_bytes == 0);
    if (!request.multishot || last) return Step::done;
    bool capped = cap > 0 && static_cast<size_t>(request.result) >= cap;
    After after = post_and_begin_anew(ring, request, socket, got, capped);
    if (after != After::go_on) return to_step(after);
  }
}

// Lays a datagram out as multishot RECVMSG does: header, name, control, payload. `room` is the
// buffer; the result of the request, or 0 with `step` when it is to wait.
Received receive_message(FakeRing& ring, Request& request, Socket& socket, std::span<char> room) {
  size_t name_size = request.header.msg_namelen;
  size_t before = sizeof(io_uring_recvmsg_out) + name_size + request.header.msg_controllen;
  if (room.size() < before) return {.result = -EFAULT};
  iovec payload{room.data() + before, room.size() - before};
  Received got = receive(ring, request, socket, {&payload, 1});
  if (got.result < 0) return got;
  io_uring_recvmsg_out out{};
  out.namelen = name_size > 0 ? got.from_size : 0;
  out.payloadlen = static_cast<uint32_t>(got.result);
  out.flags = got.truncated ? MSG_TRUNC : 0;
  std::memcpy(room.data(), &out, sizeof out);
  std::memcpy(room.data() + sizeof out, &got.from, std::min<size_t>(name_size, got.from_size));
  return got;
}

Step receive_messages(FakeRing& ring, Request& request, Socket& socket) {
  for (;;) {
    Selection selection;
    request.result = select(ring, request, selection);
    if (request.result < 0) return Step::done;
    std::span<char> room(static_cast<char*>(selection.buffer.iov_base), selection.buffer.iov_len);
    Received got = receive_message(ring, request, socket, room);
    if (got.result == -EAGAIN && (request.sqe.msg_flags & MSG_DONTWAIT) == 0) return Step::wait;
    request.result = static_cast<int32_t>(got.result);
    if (got.result < 0) return Step::done;
    size_t before =
        sizeof(io_uring_recvmsg_out) + request.header.msg_namelen + request.header.msg_controllen;
    request.result += static_cast<int32_t>(before);
    request.flags = selection.take(static_cast<size_t>(request.result));
    if (got.result == 0) {  // Rules U24 and U20.
      request.flags |= nonempty(socket, got);
      return Step::done;
    }
    After after = post_one(ring, request, socket, got);
    if (after != After::go_on) return to_step(after);
  }
}

// One receive; with MSG_WAITALL until all is there (rule U33).
Step receive_once(FakeRing& ring, Request& request, Socket& socket, Received& got) {
  int flags = static_cast<int>(request.sqe.msg_flags);
  bool all = (flags & MSG_WAITALL) != 0;
  for (;;) {
    Selection selection;
    request.result = select(ring, request, selection);
    if (request.result < 0) return Step::done;
    size_t wanted = total_bytes(selection.parts);
    got = receive(ring, request, socket, selection.parts);
    if (got.result == -EAGAIN && (flags & MSG_DONTWAIT) == 0) return Step::wait;
    if (got.result > 0 && socket.is_stream() && all && static_cast<size_t>(got.result) < wanted) {
      if (selection.group != nullptr) {
        // Of an incremental buffer only what was filled is gone: the rest, which this request goes
        // on filling, may be given to another as well, and the CQE does not say so (Linux 6.18).
        size_t taken = static_cast<size_t>(got.result);
        request.flags |= selection.take(taken) & ~uapi::kCqeBufferMore;
        request.parts.assign(1, selection.buffer);
        request.keeps_buffer = true;
      }
      request.done_bytes += static_cast<uint64_t>(got.result);
      if ((flags & MSG_DONTWAIT) == 0) return Step::wait;
      continue;
    }
    bool complete = got.result >= 0 && static_cast<size_t>(got.result) >= wanted;
    if (got.result < 0 || (all && (!complete || got.truncated))) request.failed = true;
    if (got.result > 0) request.flags |= selection.take(static_cast<size_t>(got.result));
    request.flags |= nonempty(socket, got);
    int64_t total = static_cast<int64_t>(request.done_bytes) + std::max<int64_t>(got.result, 0);
    request.result = static_cast<int32_t>(total > 0 ? total : got.result);
    return Step::done;
  }
}

}  // namespace

int prepare_recv(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.addr2 != 0) return -EINVAL;
  request.parts.push_back({reinterpret_cast<void*>(sqe.addr), sqe.len});
  int error = prepare_any_receive(request);
  if (error != 0) return error;
  // The place is called optlen since Linux 6.17.
  if (sqe.file_index != 0 && !request.multishot) return -EINVAL;
  if ((sqe.ioprio & uapi::kBundle) != 0) {
    bool selects = (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
    if (!selects) abort_unmodelled("a bundle without a buffer group");
    if ((sqe.msg_flags & MSG_WAITALL) != 0) abort_unmodelled("MSG_WAITALL of a bundle");
  }
  request.left_bytes = sqe.file_index;
  return 0;
}

int prepare_recvmsg(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.addr2 != 0 || sqe.file_index != 0 || (sqe.ioprio & uapi::kBundle) != 0) return -EINVAL;
  if (sqe.addr == 0) return -EFAULT;
  request.header = *reinterpret_cast<const msghdr*>(sqe.addr);
  bool selects = (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
  if (request.header.msg_iovlen > (selects ? 1 : 1024)) return selects ? -EINVAL : -EMSGSIZE;
  if (request.header.msg_iov == nullptr && request.header.msg_iovlen > 0) return -EFAULT;
  request.parts.assign(request.header.msg_iov, request.header.msg_iov + request.header.msg_iovlen);
  int error = prepare_any_receive(request);
  // What a message has before its bytes is counted in an int.
  uint64_t before = sizeof(io_uring_recvmsg_out) + uint64_t{request.header.msg_namelen};
  bool too_large = before > INT_MAX || request.header.msg_controllen > INT_MAX - before;
  return error == 0 && request.multishot && too_large ? -EOVERFLOW : error;
}

Step do_recv(FakeRing& ring, Request& request) {
  Step step = Step::done;
  if (begins_otherwise(request, step)) return step;
  auto& socket = static_cast<Socket&>(*request.file);
  bool selects = (request.sqe.flags & IOSQE_BUFFER_SELECT) != 0;
  if (selects && (request.sqe.ioprio & uapi::kBundle) != 0) {
    return receive_bundles(ring, request, socket);
  }
  if (request.multishot) return receive_many(ring, request, socket);
  Received got;
  return receive_once(ring, request, socket, got);
}

Step do_recvmsg(FakeRing& ring, Request& request) {
  Step step = Step::done;
  if (begins_otherwise(request, step)) return step;
  auto& socket = static_cast<Socket&>(*request.file);
  if (request.multishot) return receive_messages(ring, request, socket);
  Received got;
  step = receive_once(ring, request, socket, got);
  if (step != Step::done || request.result < 0) return step;
  auto& header = *reinterpret_cast<msghdr*>(request.sqe.addr);
  if (header.msg_name != nullptr) {
    std::memcpy(request.header.msg_name, &got.from,
                std::min(request.header.msg_namelen, got.from_size));
  }
  header.msg_namelen = got.from_size;
  header.msg_controllen = 0;
  header.msg_flags = got.truncated ? MSG_TRUNC : 0;
  return step;
}

}  // namespace gatio::fakes
