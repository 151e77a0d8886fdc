#include "fakes/network/inet_socket.hpp"

#include <netinet/in.h>

#include <algorithm>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {

InetSocket::InetSocket(Fabric& fabric, Side side, int family, int type)
    : side_(side), family_(family), type_(type), local_(Address::any(family)), fabric_(&fabric) {
  next_live_ = fabric.sockets;
  if (next_live_ != nullptr) next_live_->previous_live_ = this;
  fabric.sockets = this;
  ++fabric.live_sockets[static_cast<size_t>(side)];
}

InetSocket::~InetSocket() {
  if (!alive()) return;
  if (bound_) ports().remove(*this);
  if (next_live_ != nullptr) next_live_->previous_live_ = previous_live_;
  (previous_live_ == nullptr ? fabric_->sockets : previous_live_->next_live_) = next_live_;
  --fabric_->live_sockets[static_cast<size_t>(side_)];
}

Fabric& InetSocket::fabric() const {
  GATIO_ASSERT(alive());
  return *fabric_;
}

Ports& InetSocket::ports() const {
  Host& host = fabric().host(side_);
  return is_stream() ? host.tcp : host.udp;
}

void InetSocket::tell(uint32_t events) {
  if (events == 0) return;
  auto self = weak_from_this().lock();
  notify(events);
}

int InetSocket::check_bindable(const Address& address) const {
  // A socket for IPv6 alone has no use for a mapped address.
  if (options_.v6only != 0 && address.is_v4()) return -EINVAL;
  if (!fabric().host(side_).has(address)) return -EADDRNOTAVAIL;
  uint16_t first = fabric().options.first_unprivileged_port;
  if (address.port != 0 && address.port < first) return -EACCES;
  return bound_ || has_remote_ ? -EINVAL : 0;
}

int InetSocket::bind(const sockaddr* address, socklen_t size) {
  Address wanted;
  int error = read_address(family_, address, size, wanted);
  if (error == 0) error = check_bindable(wanted);
  if (error != 0) return error;
  Address before = local_;
  local_ = wanted;
  if (wanted.port == 0) {
    local_.port = ports().choose_free(*this, fabric().world.choices);
    if (local_.port == 0) error = -EADDRINUSE;
  } else {
    error = ports().check(*this);
  }
  if (error != 0) {
    local_ = before;
    return error;
  }
  ports().add(*this);
  bound_ = true;
  return 0;
}

int InetSocket::bind_somewhere() {
  if (bound_) return 0;
  local_.port = ports().choose_free(*this, fabric().world.choices);
  if (local_.port == 0) return -EAGAIN;
  ports().add(*this);
  bound_ = true;
  return 0;
}

int InetSocket::find_peer(const sockaddr* address, socklen_t size, Address& peer,
                          Side& side) const {
  int error = read_address(family_, address, size, peer);
  if (error != 0) return error;
  if (options_.v6only != 0 && peer.is_v4()) return -ENETUNREACH;
  // A socket that is bound to one family cannot reach the other.
  if (bound_ && !local_.is_any() && local_.is_v4() != peer.is_v4()) return -ENETUNREACH;
  if (!fabric().route(peer, side)) return -ENETUNREACH;
  if (peer.is_any()) peer.ip = Address::loopback(peer.is_v4()).ip;
  return 0;
}

int InetSocket::bind_for_connect(const Address& peer) {
  remote_ = peer;
  Address local = local_;
  if (local.is_any()) local.ip = fabric().source(side_, peer).ip;
  Address before = local_;
  if (bound_) {
    settle_local(local);
    if (is_stream() && ports().connected(*this)) {
      settle_local(before);
      return -EADDRNOTAVAIL;
    }
  } else {
    local_ = local;
    local_.port = is_stream() ? ports().next_for_connect(*this)
                              : ports().choose_free(*this, fabric().world.choices);
    if (local_.port == 0) {
      local_ = before;
      return is_stream() ? -EADDRNOTAVAIL : -EAGAIN;
    }
    bound_by_connect_ = true;
    ports().add(*this);
    bound_ = true;
  }
  has_remote_ = true;
  return 0;
}

void InetSocket::settle_local(const Address& local) {
  if (bound_) ports().remove(*this);
  local_ = local;
  ports().add(*this);
  bound_ = true;
}

void InetSocket::forget_remote() {
  has_remote_ = false;
  remote_ = {};
  if (!bound_by_connect_) return;
  ports().remove(*this);
  bound_ = bound_by_connect_ = false;
  local_ = Address::any(family_);
}

int InetSocket::take_error() {
  int error = -error_;
  error_ = 0;
  return error;
}

int InetSocket::connect_error() {
  return take_error();
}

int InetSocket::getsockname(sockaddr* address, socklen_t* size) {
  local_.store(family_, address, size);
  return 0;
}

int InetSocket::getpeername(sockaddr* address, socklen_t* size) {
  if (!has_remote_) return -ENOTCONN;
  remote_.store(family_, address, size);
  return 0;
}

int InetSocket::setsockopt(int level, int name, const void* value, socklen_t size) {
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && bound_) return -EINVAL;
  int error =
      options_.set(family_, type_, level, name, value, size, fabric().options.most_buffer_bytes);
  if (error == 0) options_changed();
  return error;
}

int InetSocket::getsockopt(int level, int name, void* value, socklen_t* size) {
  if (level != SOL_SOCKET) return options_.get(family_, type_, level, name, value, size);
  switch (name) {
    case SO_ERROR:
      return give_option(-take_error(), value, size);
    case SO_TYPE:
      return give_option(type_, value, size);
    case SO_DOMAIN:
      return give_option(family_, value, size);
    case SO_PROTOCOL:
      return give_option(is_stream() ? IPPROTO_TCP : IPPROTO_UDP, value, size);
    case SO_ACCEPTCONN:
      return give_option(listening() ? 1 : 0, value, size);
    default:
      return options_.get(family_, type_, level, name, value, size);
  }
}

}  // namespace gatio::fakes
