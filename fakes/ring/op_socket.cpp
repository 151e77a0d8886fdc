// SOCKET, CONNECT, ACCEPT and SHUTDOWN.
#include <poll.h>

#include <algorithm>
#include <cstring>

#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {
namespace {

constexpr unsigned kAcceptDontWait = 1U << 1;   // IORING_ACCEPT_DONTWAIT, Linux 6.10
constexpr unsigned kAcceptPollFirst = 1U << 2;  // IORING_ACCEPT_POLL_FIRST, Linux 6.10

Socket* socket_of(Request& request) {
  if (request.file->is_socket()) return static_cast<Socket*>(request.file.get());
  request.result = -ENOTSOCK;
  return nullptr;
}

// The number by which the program knows the new socket from now on, or -errno.
int install(FakeRing& ring, std::shared_ptr<Socket> socket, uint32_t file_index) {
  return file_index != 0 ? ring.install_fixed(std::move(socket), file_index)
                         : ring.machine().descriptors.add(std::move(socket));
}

// Rule U25: before a connection is taken.
bool lacks_descriptors(FakeRing& ring, const Request& request) {
  Machine& machine = ring.machine();
  if (request.sqe.file_index != 0) return false;
  return machine.descriptors.full() || machine.strikes(machine.world.faults.accept_limit);
}

}  // namespace

int prepare_socket(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.addr != 0 || sqe.rw_flags != 0 || sqe.buf_index != 0) return -EINVAL;
  if (sqe.file_index != 0 && (sqe.off & SOCK_CLOEXEC) != 0) return -EINVAL;
  return 0;
}

Step do_socket(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.file_index == 0 && ring.machine().descriptors.full()) {
    request.result = -EMFILE;
    return Step::done;
  }
  std::shared_ptr<Socket> socket = ring.machine().network.socket(
      sqe.fd, static_cast<int>(sqe.off), static_cast<int>(sqe.len), Side::inside, request.result);
  if (socket == nullptr) return Step::done;
  request.result = install(ring, std::move(socket), sqe.file_index);
  return Step::done;
}

int prepare_connect(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.len != 0 || sqe.buf_index != 0 || sqe.rw_flags != 0 || sqe.splice_fd_in != 0) {
    return -EINVAL;
  }
  if (sqe.off > sizeof request.address) return -EINVAL;
  if (sqe.off == 0) return 0;
  if (sqe.addr == 0) return -EFAULT;
  request.address_size = static_cast<socklen_t>(sqe.off);
  std::memcpy(&request.address, reinterpret_cast<const void*>(sqe.addr), request.address_size);
  return 0;
}

int connect_to(Socket& socket, const Request& request) {
  return socket.connect(reinterpret_cast<const sockaddr*>(&request.address), request.address_size);
}

// Where the socket still knew of an attempt that failed, it is tried once more.
bool is_tried_again(Request& request) {
  if (request.result != -ECONNABORTED || request.aborted) return false;
  request.aborted = true;
  request.connecting = false;
  return true;
}

Step do_connect(FakeRing&, Request& request) {
  Socket* socket = socket_of(request);
  if (socket == nullptr) return Step::done;
  request.poll_mask = POLLOUT;
  if (!request.connecting) {
    request.result = connect_to(*socket, request);
    request.connecting = request.result == -EINPROGRESS;
    if (request.connecting) return Step::wait;
    return is_tried_again(request) ? Step::again : Step::done;
  }
  if ((socket->poll() & (POLLOUT | POLLERR | POLLHUP)) == 0) return Step::wait;
  // Without an error to take, Linux calls connect(2) again to learn the outcome.
  request.result = -EISCONN;
  if ((socket->poll() & POLLERR) == 0) request.result = connect_to(*socket, request);
  if (request.result == -EISCONN) request.result = socket->connect_error();
  if (request.result == -EINPROGRESS) return Step::wait;
  return is_tried_again(request) ? Step::again : Step::done;
}

int prepare_accept(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.len != 0 || sqe.buf_index != 0) return -EINVAL;
  if ((sqe.accept_flags & ~static_cast<unsigned>(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) {
    return -EINVAL;
  }
  if (sqe.file_index != 0 && (sqe.accept_flags & SOCK_CLOEXEC) != 0) return -EINVAL;
  if ((sqe.ioprio & ~(IORING_ACCEPT_MULTISHOT | kAcceptDontWait | kAcceptPollFirst)) != 0) {
    return -EINVAL;
  }
  request.multishot = (sqe.ioprio & IORING_ACCEPT_MULTISHOT) != 0;
  if (request.multishot && sqe.file_index != 0 && sqe.file_index != IORING_FILE_INDEX_ALLOC) {
    return -EINVAL;
  }
  return 0;
}

Step do_accept(FakeRing& ring, Request& request) {
  Machine& machine = ring.machine();
  const io_uring_sqe& sqe = request.sqe;
  Socket* listener = socket_of(request);
  if (listener == nullptr) return Step::done;
  request.poll_mask = POLLIN;
  if ((sqe.ioprio & kAcceptPollFirst) != 0 && !request.started) {
    return (listener->poll() & (POLLIN | POLLERR | POLLHUP)) != 0 ? Step::again : Step::wait;
  }
  for (;;) {
    machine.charge(machine.costs.accept_ns);
    if (lacks_descriptors(ring, request)) {
      request.result = -EMFILE;
      return Step::done;
    }
    bool more = false;
    std::shared_ptr<Socket> socket = listener->accept(request.result, more);
    if (socket == nullptr) {
      bool waits = request.result == -EAGAIN && (sqe.ioprio & kAcceptDontWait) == 0;
      return waits ? Step::wait : Step::done;
    }
    if (sqe.addr != 0 && sqe.addr2 == 0) {
      request.result = -EFAULT;  // the connection is lost as well
      return Step::done;
    }
    socket->set_nonblocking((sqe.accept_flags & SOCK_NONBLOCK) != 0);
    if (sqe.addr != 0) {
      socket->getpeername(reinterpret_cast<sockaddr*>(sqe.addr),
                          reinterpret_cast<socklen_t*>(sqe.addr2));
    }
    // Where the table is full the connection is lost (rule U26).
    request.result = install(ring, std::move(socket), sqe.file_index);
    request.flags = more ? IORING_CQE_F_SOCK_NONEMPTY : 0;
    if (request.result < 0) return Step::done;
    if (!request.multishot || !ring.post_more(request, request.result, request.flags)) {
      return Step::done;
    }
    request.flags = 0;
  }
}

int prepare_shutdown(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  bool clean = sqe.off == 0 && sqe.addr == 0 && sqe.rw_flags == 0 && sqe.buf_index == 0 &&
               sqe.splice_fd_in == 0;
  return clean ? 0 : -EINVAL;
}

Step do_shutdown(FakeRing&, Request& request) {
  if (!request.on_worker) return Step::worker;
  Socket* socket = socket_of(request);
  if (socket != nullptr) request.result = socket->shutdown(static_cast<int>(request.sqe.len));
  return Step::done;
}

}  // namespace gatio::fakes
