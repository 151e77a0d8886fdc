// How a request of a program becomes an SQE.
#include <algorithm>
#include <utility>

#include "fakes/conformance/runner.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr int64_t kLongSeconds = 1000;
constexpr unsigned kPatienceWithTimers = 8;
constexpr int kNoDescriptor = 1'000'000'000;
// The bits of Request::option that are ours.
constexpr uint32_t kOurBits = kLong | kDirect | kBundle;

}  // namespace

int Runner::descriptor(const Request& request) {
  if ((request.flags & IOSQE_FIXED_FILE) != 0) return std::max(request.object, 0);
  Object* object = peers_.find(request.object);
  // Its number may be another's by now, whose peer would acknowledge when it likes.
  if (request.op == Op::send_zc && object != nullptr && object->closed) return kNoDescriptor;
  return object == nullptr ? kNoDescriptor : object->fd;
}

// What a worker thread does, and when it is certain to end soon: at once, with what is before it in
// its chain, or with the drain.
void Runner::expect(Ring& ring, const Request& request, Scratch& scratch) {
  constexpr uint32_t kLinks = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
  bool worker = request.op == Op::shutdown || ring.drained;
  bool seen = (request.flags & IOSQE_CQE_SKIP_SUCCESS) == 0;
  bool links = (request.flags & kLinks) != 0;
  scratch.drains = (request.flags & IOSQE_IO_DRAIN) != 0;
  if (ring.drained && seen) scratch.behind = &ring;
  ring.drained = ring.drained || scratch.drains;
  Scratch* before = std::exchange(chain_, links && seen ? &scratch : nullptr);
  if (!worker || !seen || scratch.drains) return;
  if (before != nullptr) {
    before->next = &scratch;
  } else if (!ring.drained || ring.drain_over) {
    await(scratch);
  }
}

void Runner::prepare(Ring& ring, io_uring_sqe* sqe, const Request& request) {
  Scratch& scratch = scratches_.emplace_back();
  by_id_.try_emplace(request.id, &scratch);
  scratch.op = request.op;
  expect(ring, request, scratch);
  sends_zero_copy_ = sends_zero_copy_ || request.op == Op::send_zc;
  shuts_down_ = shuts_down_ || request.op == Op::shutdown;
  scratch.group = request.group;
  scratch.bundle = bundles(request);
  scratch.direct = (request.option & kDirect) != 0;
  scratch.object = request.object;
  int fd = descriptor(request);
  switch (request.op) {
    case Op::read:
    case Op::write:
    case Op::send:
    case Op::send_zc:
    case Op::sendmsg:
    case Op::recv:
    case Op::recv_multishot:
    case Op::recvmsg:
    case Op::recvmsg_multishot:
      prepare_transfer(sqe, request, scratch, fd);
      break;
    case Op::accept:
    case Op::accept_multishot:
    case Op::connect:
    case Op::socket:
    case Op::close:
    case Op::shutdown:
      prepare_socket(sqe, request, scratch, fd);
      break;
    case Op::timeout:
    case Op::timeout_multishot:
    case Op::timeout_remove:
    case Op::timeout_update:
    case Op::link_timeout:
      prepare_timer(sqe, request, scratch);
      break;
    default:
      prepare_other(sqe, request, fd);
  }
  sqe->flags |= static_cast<uint8_t>(request.flags);
  if ((request.flags & IOSQE_BUFFER_SELECT) != 0) sqe->buf_group = request.group;
  if (bundles(request)) sqe->ioprio |= uapi::kBundle;
  sqe->user_data = request.id;
}

void Runner::prepare_transfer(io_uring_sqe* sqe, const Request& request, Scratch& scratch, int fd) {
  bool sends = request.op == Op::send || request.op == Op::send_zc || request.op == Op::sendmsg ||
               request.op == Op::write;
  Object* object = peers_.find(request.object);
  scratch.buffer.assign(request.bytes, 0);
  if (sends && object != nullptr) {
    scratch.buffer = Peers::contents(request.object, true, object->sent, request.bytes);
    object->sent += request.bytes;
  }
  char* data = scratch.buffer.data();
  int flags = static_cast<int>(request.option & ~kOurBits);
  if (sends) flags |= MSG_NOSIGNAL;
  scratch.vector = {data, request.bytes};
  scratch.header.msg_iov = &scratch.vector;
  scratch.header.msg_iovlen = 1;
  switch (request.op) {
    case Op::read:
      return io_uring_prep_read(sqe, fd, data, request.bytes, 0);
    case Op::write: {
      // An eventfd takes 8 bytes and adds them: keep that number small.
      if (scratch.buffer.size() >= sizeof(uint64_t)) {
        std::fill(scratch.buffer.begin() + 1, scratch.buffer.end(), 0);
        scratch.buffer[0] = 1;
      }
      return io_uring_prep_write(sqe, fd, data, request.bytes, 0);
    }
    case Op::send:
      return io_uring_prep_send(sqe, fd, data, request.bytes, flags);
    case Op::send_zc:
      return io_uring_prep_send_zc(sqe, fd, data, request.bytes, flags, 0);
    case Op::sendmsg:
      return io_uring_prep_sendmsg(sqe, fd, &scratch.header, static_cast<unsigned>(flags));
    case Op::recv:
      return io_uring_prep_recv(sqe, fd, data, request.bytes, flags);
    case Op::recv_multishot:
      return io_uring_prep_recv_multishot(sqe, fd, nullptr, request.bytes, flags);
    case Op::recvmsg:
      return io_uring_prep_recvmsg(sqe, fd, &scratch.header, static_cast<unsigned>(flags));
    default:
      // Only the lengths of the header count: buffers come from the group.
      scratch.name_bytes = request.bytes;
      scratch.header = {};
      scratch.header.msg_namelen = request.bytes;
      return io_uring_prep_recvmsg_multishot(sqe, fd, &scratch.header,
                                             static_cast<unsigned>(flags));
  }
}

void Runner::prepare_socket(io_uring_sqe* sqe, const Request& request, Scratch& scratch, int fd) {
  switch (request.op) {
    case Op::accept:
      if (scratch.direct) {
        // liburing 2.3 adds one to the index, and would make this one an ordinary accept.
        return io_uring_prep_accept_direct(sqe, fd, nullptr, nullptr, 0,
                                           IORING_FILE_INDEX_ALLOC - 1);
      }
      io_uring_prep_accept(sqe, fd, nullptr, nullptr, 0);
      sqe->ioprio = static_cast<uint16_t>(request.option & ~kOurBits);
      return;
    case Op::accept_multishot:
      if (scratch.direct) {
        return io_uring_prep_multishot_accept_direct(sqe, fd, nullptr, nullptr, 0);
      }
      return io_uring_prep_multishot_accept(sqe, fd, nullptr, nullptr, 0);
    case Op::connect: {
      Object* listener = peers_.find(static_cast<int>(request.option));
      // A port where nobody listens, unless it is an object's.
      scratch.address.sin_family = AF_INET;
      scratch.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      scratch.address.sin_port = htons(1);
      if (listener != nullptr && listener->address.sin_port != 0) {
        scratch.address = listener->address;
      }
      return io_uring_prep_connect(sqe, fd, reinterpret_cast<sockaddr*>(&scratch.address),
                                   sizeof scratch.address);
    }
    case Op::socket:
      return io_uring_prep_socket(sqe, static_cast<int>(request.option), SOCK_STREAM, 0, 0);
    case Op::close:
      if ((request.flags & IOSQE_FIXED_FILE) == 0) return io_uring_prep_close(sqe, fd);
      scratch.object = kNoObject;  // the object's own descriptor stays open
      io_uring_prep_close_direct(sqe, static_cast<unsigned>(fd));
      return;
    default:
      return io_uring_prep_shutdown(sqe, fd, static_cast<int>(request.option));
  }
}

void Runner::prepare_timer(io_uring_sqe* sqe, const Request& request, Scratch& scratch) {
  bool is_long = (request.option & kLong) != 0;
  uint32_t flags = request.option & ~kOurBits;
  scratch.time.tv_sec = is_long ? kLongSeconds : 0;
  scratch.time.tv_nsec = static_cast<int64_t>(host_.short_ns());
  if (!is_long) patience_ = kPatienceWithTimers;
  if ((flags & IORING_TIMEOUT_ABS) != 0) {
    uint64_t now = host_.kernel().now_ns();
    scratch.time.tv_sec += static_cast<int64_t>(now / 1'000'000'000);
    scratch.time.tv_nsec = static_cast<int64_t>(now % 1'000'000'000);
  }
  switch (request.op) {
    case Op::timeout:
      return io_uring_prep_timeout(sqe, &scratch.time, request.bytes, flags);
    case Op::timeout_multishot:
      return io_uring_prep_timeout(sqe, &scratch.time, request.bytes,
                                   flags | uapi::kTimeoutMultishot);
    case Op::timeout_remove:
      return io_uring_prep_timeout_remove(sqe, request.target, flags);
    case Op::timeout_update:
      return io_uring_prep_timeout_update(sqe, &scratch.time, request.target, flags);
    default:
      return io_uring_prep_link_timeout(sqe, &scratch.time, flags);
  }
}

void Runner::prepare_other(io_uring_sqe* sqe, const Request& request, int fd) {
  switch (request.op) {
    case Op::poll:
      return io_uring_prep_poll_add(sqe, fd, request.option);
    case Op::poll_multishot:
      return io_uring_prep_poll_multishot(sqe, fd, request.option);
    case Op::poll_remove:
      return io_uring_prep_poll_remove(sqe, request.target);
    case Op::cancel:
      io_uring_prep_cancel64(sqe, request.target, static_cast<int>(request.option));
      if ((request.option & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED)) != 0) {
        bool fixed = (request.option & IORING_ASYNC_CANCEL_FD_FIXED) != 0;
        sqe->fd = fixed ? request.object : fd;
        sqe->addr = 0;
      }
      return;
    case Op::message: {
      // To the ring of that number, or to a descriptor that is none.
      bool is_ring = request.option < rings_.size();
      int target = is_ring ? rings_[request.option]->ring.fd() : fd;
      return io_uring_prep_msg_ring(sqe, target, request.bytes, request.id | kDelivered, 0);
    }
    default:
      return io_uring_prep_nop(sqe);
  }
}

}  // namespace gatio::fakes::conformance
