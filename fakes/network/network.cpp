#include "fakes/network.hpp"

#include <netinet/in.h>

#include "fakes/network/fabric.hpp"
#include "fakes/network/tcp_socket.hpp"
#include "fakes/network/udp_socket.hpp"

namespace gatio::fakes {
namespace {

constexpr int kLastType = SOCK_PACKET;

}  // namespace

struct Network::Impl {
  Impl(World& world, const NetworkOptions& options) : fabric(world, options) {}
  Fabric fabric;
};

Network::Network(World& world, const NetworkOptions& options)
    : impl_(std::make_unique<Impl>(world, options)) {}

Network::~Network() = default;

std::shared_ptr<Socket> Network::socket(int domain, int type, int protocol, Side side, int& error) {
  int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  int own_protocol = kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  error = 0;
  if (domain != AF_INET && domain != AF_INET6) {
    error = -EAFNOSUPPORT;
  } else if (kind <= 0 || kind > kLastType) {
    error = -EINVAL;
  } else if (kind != SOCK_STREAM && kind != SOCK_DGRAM) {
    error = kind == SOCK_RAW ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
  } else if (protocol != 0 && protocol != own_protocol) {
    error = -EPROTONOSUPPORT;
  }
  if (error != 0) return nullptr;
  std::shared_ptr<Socket> socket;
  if (kind == SOCK_STREAM) {
    socket = std::make_shared<TcpSocket>(impl_->fabric, side, domain);
  } else {
    socket = std::make_shared<UdpSocket>(impl_->fabric, side, domain);
  }
  socket->set_nonblocking((type & SOCK_NONBLOCK) != 0);
  return socket;
}

size_t Network::live_sockets() const {
  return impl_->fabric.live_sockets[static_cast<size_t>(Side::inside)];
}

}  // namespace gatio::fakes
