#include "fakes/conformance/peers.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>

namespace gatio::fakes::conformance {
namespace {

constexpr uint64_t kPatienceNs = 100'000'000;
constexpr int kBacklog = 16;
constexpr uint32_t kMostUnread = 1 << 18;

sockaddr* as_address(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

}  // namespace

uint64_t hash_of(std::span<const char> bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

Peers::~Peers() {
  ring_.close();
  for (Object& object : objects_) {
    if (object.fd >= 0 && !object.closed) close_at_once(object.fd);
    if (object.peer >= 0) close_at_once(object.peer);
  }
  for (int fd : adopted_) close_at_once(fd);
}

// A reset instead of an orderly close: thousands of programs must not leave thousands of ports in
// TIME_WAIT.
void Peers::close_at_once(int fd) {
  linger at_once{.l_onoff = 1, .l_linger = 0};
  kernel_.setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  kernel_.close(fd);
}

std::vector<char> Peers::contents(int object, bool ours, uint64_t position, uint32_t bytes) {
  std::vector<char> result(bytes);
  uint64_t salt = static_cast<uint64_t>(object) * 2 + (ours ? 1 : 0);
  for (char& byte : result) {
    uint64_t mixed = (position++ * 8 + salt) * 0x9e3779b97f4a7c15;
    byte = static_cast<char>(mixed >> 56);
  }
  return result;
}

int Peers::call(const std::function<void(io_uring_sqe*)>& prepare) {
  io_uring_sqe* sqe = ring_.sqe();
  if (sqe == nullptr) return -EBUSY;
  prepare(sqe);
  sqe->user_data = 1;
  int result = ring_.submit(1, kPatienceNs);
  if (result < 0) return result;
  const io_uring_cqe* cqe = ring_.look();
  if (cqe != nullptr) {
    result = cqe->res;
    ring_.reap(1);
    return result;
  }
  // It hangs: take it back, so that it no longer refers to the caller's memory.
  io_uring_prep_cancel64(ring_.sqe(), 1, 0);
  ring_.submit(2, kPatienceNs);
  while (ring_.look() != nullptr) ring_.reap(1);
  return -ETIME;
}

int Peers::set_up(const std::vector<ObjectKind>& kinds) {
  int result = ring_.open(kernel_, 8, 16);
  if (result < 0) return result;
  for (ObjectKind kind : kinds) {
    Object& object = objects_.emplace_back();
    object.kind = kind;
    result = set_up(object);
    if (result < 0) return result;
  }
  return 0;
}

int Peers::set_up(Object& object) {
  switch (object.kind) {
    case ObjectKind::listener: {
      object.fd = kernel_.socket(AF_INET, SOCK_STREAM, 0);
      int result = bind_local(object.fd, object.address);
      return result < 0 ? result : kernel_.listen(object.fd, kBacklog);
    }
    case ObjectKind::stream:
      return connect_pair(object);
    case ObjectKind::datagram: {
      object.fd = kernel_.socket(AF_INET, SOCK_DGRAM, 0);
      object.peer = kernel_.socket(AF_INET, SOCK_DGRAM, 0);
      sockaddr_in theirs{};
      int result = bind_local(object.fd, object.address);
      if (result >= 0) result = bind_local(object.peer, theirs);
      for (bool ours : {true, false}) {
        if (result < 0) return result;
        sockaddr_in& address = ours ? theirs : object.address;
        result = call([&](io_uring_sqe* sqe) {
          io_uring_prep_connect(sqe, ours ? object.fd : object.peer, as_address(address),
                                sizeof address);
        });
      }
      return result;
    }
    case ObjectKind::event:
      object.fd = kernel_.event_fd();
      return object.fd;
    case ObjectKind::fresh:
      object.fd = kernel_.socket(AF_INET, SOCK_STREAM, 0);
      return object.fd;
  }
  return -EINVAL;
}

int Peers::bind_local(int fd, sockaddr_in& address) {
  if (fd < 0) return fd;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int result = kernel_.bind(fd, as_address(address), sizeof address);
  if (result < 0) return result;
  socklen_t size = sizeof address;
  return kernel_.getsockname(fd, as_address(address), &size);
}

int Peers::connect_pair(Object& object) {
  sockaddr_in address{};
  int listener = kernel_.socket(AF_INET, SOCK_STREAM, 0);
  int result = bind_local(listener, address);
  if (result >= 0) result = kernel_.listen(listener, 1);
  object.peer = kernel_.socket(AF_INET, SOCK_STREAM, 0);
  if (object.peer < 0) result = object.peer;
  if (result >= 0) {
    result = call([&](io_uring_sqe* sqe) {
      io_uring_prep_connect(sqe, object.peer, as_address(address), sizeof address);
    });
  }
  if (result >= 0) {
    result =
        call([&](io_uring_sqe* sqe) { io_uring_prep_accept(sqe, listener, nullptr, nullptr, 0); });
    object.fd = result;
  }
  if (listener >= 0) kernel_.close(listener);
  // Small pieces must not wait for each other's acknowledgement.
  int on = 1;
  for (int fd : {object.fd, object.peer}) {
    if (result < 0) return result;
    result = kernel_.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  // Nor must an end that was sent wait long for its own; kernels before 6.15 do not know that.
  constexpr int kDelackMaxUs = 46;
  kernel_.setsockopt(object.peer, IPPROTO_TCP, kDelackMaxUs, &on, sizeof on);
  return result;
}

Object* Peers::find(int object) {
  if (object < 0 || static_cast<size_t>(object) >= objects_.size()) return nullptr;
  return &objects_[static_cast<size_t>(object)];
}

void Peers::acknowledge() {
  int on = 1;
  for (Object& object : objects_) {
    if (object.kind != ObjectKind::stream || object.peer < 0) continue;
    uint64_t data = 0;
    receive(object, kMostUnread, data);
    kernel_.setsockopt(object.peer, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
}

void Peers::acknowledge_ends() {
  int on = 1;
  for (Object& object : objects_) {
    if (object.kind != ObjectKind::stream || object.peer < 0) continue;
    kernel_.setsockopt(object.peer, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
}

int Peers::act(const Step& step, uint64_t& data) {
  Object* object = find(step.object);
  if (object == nullptr) return -EBADF;
  switch (step.kind) {
    case StepKind::peer_send:
      if (object->kind == ObjectKind::event) {
        return object->closed ? -EBADF : kernel_.event_signal(object->fd);
      }
      return send(step.object, *object, step.amount);
    case StepKind::peer_receive:
      return receive(*object, step.amount, data);
    case StepKind::peer_close:
      return close_peer(*object, false);
    case StepKind::peer_reset:
      return close_peer(*object, true);
    case StepKind::peer_shutdown:
      if (object->peer < 0) return -EBADF;
      return call([&](io_uring_sqe* sqe) { io_uring_prep_shutdown(sqe, object->peer, SHUT_WR); });
    case StepKind::peer_connect:
      return new_client(*object);
    case StepKind::close_object: {
      if (object->closed) return -EBADF;
      object->closed = true;
      return kernel_.close(object->fd);
    }
    default:
      return -EINVAL;
  }
}

int Peers::send(int index, Object& object, uint32_t bytes) {
  if (object.peer < 0) return -EBADF;
  std::vector<char> data = contents(index, false, object.peer_sent, bytes);
  object.peer_sent += bytes;
  return call([&](io_uring_sqe* sqe) {
    io_uring_prep_send(sqe, object.peer, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

int Peers::receive(Object& object, uint32_t bytes, uint64_t& data) {
  if (object.peer < 0) return -EBADF;
  std::vector<char> buffer(std::max(bytes, 1U));
  int result = call([&](io_uring_sqe* sqe) {
    io_uring_prep_recv(sqe, object.peer, buffer.data(), bytes, MSG_DONTWAIT);
  });
  if (result > 0) data = hash_of({buffer.data(), static_cast<size_t>(result)});
  return result;
}

int Peers::close_peer(Object& object, bool reset) {
  if (object.peer < 0) return -EBADF;
  if (reset) {
    close_at_once(object.peer);
  } else {
    kernel_.close(object.peer);
  }
  object.peer = -1;
  return 0;
}

int Peers::new_client(Object& listener) {
  int client = kernel_.socket(AF_INET, SOCK_STREAM, 0);
  if (client < 0) return client;
  adopt(client);
  return call([&](io_uring_sqe* sqe) {
    io_uring_prep_connect(sqe, client, as_address(listener.address), sizeof listener.address);
  });
}

}  // namespace gatio::fakes::conformance
