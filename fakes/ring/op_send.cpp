// SEND, SENDMSG and their zero-copy forms.
#include <poll.h>

#include <cstring>

#include "fakes/ring/bundle.hpp"
#include "fakes/ring/transfer.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

constexpr unsigned kReportUsage = 1U << 3;          // IORING_SEND_ZC_REPORT_USAGE, Linux 6.2
constexpr uint32_t kNotificationCopied = 1U << 31;  // IORING_NOTIF_USAGE_ZC_COPIED

bool is_zero_copy(const Request& request) {
  return request.sqe.opcode == IORING_OP_SEND_ZC || request.sqe.opcode == IORING_OP_SENDMSG_ZC;
}

int copy_address(Request& request, const void* address, size_t size) {
  if (address == nullptr) return 0;
  if (size > sizeof request.address) return -EINVAL;
  request.address_size = static_cast<socklen_t>(size);
  std::memcpy(&request.address, address, size);
  return 0;
}

// The last of a preparation: a notification belongs to a request that was prepared so far.
int prepare_common(FakeRing& ring, Request& request) {
  bool may_bundle = request.sqe.opcode == IORING_OP_SEND;
  unsigned known = IORING_RECVSEND_POLL_FIRST | (is_zero_copy(request) ? kReportUsage : 0) |
                   (may_bundle ? uapi::kBundle : 0);
  bool good = (request.sqe.ioprio & ~known) == 0;
  bool selects = (request.sqe.flags & IOSQE_BUFFER_SELECT) != 0;
  if (good && !selects && (request.sqe.ioprio & uapi::kBundle) != 0) {
    abort_unmodelled("a bundle without a buffer group");
  }
  constexpr unsigned kKnownFlags = MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT;
  if (good && (request.sqe.msg_flags & ~kKnownFlags) != 0) {
    abort_unmodelled("such msg_flags of a send");
  }
  if (!is_zero_copy(request)) return good ? 0 : -EINVAL;
  if (request.skips_cqe) return -EINVAL;
  bool reports = (request.sqe.ioprio & kReportUsage) != 0;
  // Loopback copies; a real device need not.
  bool copied = reports && ring.machine().world.choices.choose(ChoiceKind::order, 2) == 0;
  ring.add_notification(request, copied ? static_cast<int32_t>(kNotificationCopied) : 0);
  return good ? 0 : -EINVAL;
}

// How it ends when no more can be sent: with what was sent before, or with the error.
Step end(Request& request, int64_t result) {
  request.result = static_cast<int32_t>(request.done_bytes > 0 ? request.done_bytes : result);
  request.failed = true;
  return Step::done;
}

// Until all is sent if it has to be.
Step send_parts(FakeRing& ring, Request& request, Socket& socket) {
  Machine& machine = ring.machine();
  const io_uring_sqe& sqe = request.sqe;
  int flags = static_cast<int>(sqe.msg_flags);
  bool whole = (flags & MSG_WAITALL) != 0 || (sqe.ioprio & uapi::kBundle) != 0;
  bool all = whole && socket.is_stream();
  size_t total = total_bytes(request.parts);
  const auto* to =
      request.address_size > 0 ? reinterpret_cast<const sockaddr*>(&request.address) : nullptr;
  for (;;) {
    std::span<const iovec> parts = rest_of(request);
    machine.charge(machine.costs.send_ns);
    int64_t count = socket.send(socket.is_stream() ? shorten(ring, parts) : parts,
                                flags & ~MSG_WAITALL, to, request.address_size);
    if (count == -EAGAIN && (flags & MSG_DONTWAIT) == 0) return Step::wait;
    if (count < 0) return end(request, count);
    machine.charge(static_cast<uint64_t>(count) * machine.costs.copy_ns_per_kib / 1024);
    request.done_bytes += static_cast<uint64_t>(count);
    if (!all || request.done_bytes >= total) break;
    if ((flags & MSG_DONTWAIT) == 0) return Step::wait;
  }
  request.result = static_cast<int32_t>(request.done_bytes);
  return Step::done;
}

}  // namespace

int prepare_send(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  request.parts.push_back({reinterpret_cast<void*>(sqe.addr), sqe.len});
  int error = copy_address(request, reinterpret_cast<const void*>(sqe.addr2), sqe.addr_len);
  return error != 0 ? error : prepare_common(ring, request);
}

int prepare_sendmsg(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.addr2 != 0 || sqe.file_index != 0) return -EINVAL;
  if (sqe.addr == 0) return -EFAULT;
  request.header = *reinterpret_cast<const msghdr*>(sqe.addr);
  if (request.header.msg_iovlen > 1024) return -EMSGSIZE;
  if (request.header.msg_iov == nullptr && request.header.msg_iovlen > 0) return -EFAULT;
  if (request.header.msg_controllen > 0) abort_unmodelled("ancillary data of a SENDMSG");
  request.parts.assign(request.header.msg_iov, request.header.msg_iov + request.header.msg_iovlen);
  int error = copy_address(request, request.header.msg_name, request.header.msg_namelen);
  return error != 0 ? error : prepare_common(ring, request);
}

// Rule U32.
Step do_send(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (!request.file->is_socket()) {
    request.result = -ENOTSOCK;
    return Step::done;
  }
  auto& socket = static_cast<Socket&>(*request.file);
  request.poll_mask = POLLOUT;
  if ((sqe.ioprio & IORING_RECVSEND_POLL_FIRST) != 0 && !request.started) {
    return (socket.poll() & (POLLOUT | POLLERR | POLLHUP)) != 0 ? Step::again : Step::wait;
  }
  bool selects = (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
  for (;;) {
    if (selects && !request.keeps_buffer) {
      request.result = select_to_send(ring, request);
      if (request.result < 0) return Step::done;
    }
    Step step = send_parts(ring, request, socket);
    bool goes_on = selects && (sqe.ioprio & uapi::kBundle) != 0 && step == Step::done &&
                   request.result > 0 && !request.buffers_end && !request.started;
    if (!goes_on || !ring.post_more(request, request.result, request.flags)) return step;
    // What came of it on a link without delay has happened. The next bundle takes what there is.
    ring.machine().world.fire_due();
    request.sqe.len = 0;
    request.flags = 0;
    request.done_bytes = 0;
    request.keeps_buffer = false;
  }
}

}  // namespace gatio::fakes
