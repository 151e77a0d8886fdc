#include "fakes/network/udp_socket.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace gatio::fakes {
namespace {

constexpr int kDefaultBuffer = 212992;  // net.core.{r,w}mem_default
constexpr size_t kOverhead = 768;       // of a datagram in a buffer, about as much as Linux's
constexpr uint32_t kOvertakers = 4;     // how many delays a datagram falls behind at most

}  // namespace

UdpSocket::UdpSocket(Fabric& its_fabric, Side side, int family)
    : InetSocket(its_fabric, side, family, SOCK_DGRAM) {
  options_.send_buffer = options_.receive_buffer = kDefaultBuffer;
}

UdpSocket::~UdpSocket() {
  while (alive() && first_ != nullptr) {
    Datagram* datagram = first_;
    first_ = datagram->next;
    fabric().datagrams.put(datagram);
  }
}

bool UdpSocket::writable() const {
  return 2 * on_way_ < static_cast<size_t>(options_.send_buffer);
}

uint32_t UdpSocket::poll() const {
  uint32_t events = 0;
  if (error_ != 0) events |= POLLERR;
  if (receive_shut_) events |= kIn | POLLRDHUP;
  if (receive_shut_ && send_shut_) events |= POLLHUP;
  if (first_ != nullptr) events |= kIn;
  if (writable()) events |= kOut | POLLWRBAND;
  return events;
}

int UdpSocket::listen(int) {
  return -EOPNOTSUPP;
}

std::shared_ptr<Socket> UdpSocket::accept(int& error, bool& more) {
  error = -EOPNOTSUPP;
  more = false;
  return nullptr;
}

int UdpSocket::connect(const sockaddr* address, socklen_t size) {
  if (size >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
    if (has_remote()) forget_remote();
    return 0;
  }
  Address peer;
  Side where = side_;
  int error = find_peer(address, size, peer, where);
  return error != 0 ? error : bind_for_connect(peer);
}

int UdpSocket::shutdown(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  receive_shut_ = receive_shut_ || how != SHUT_WR;
  send_shut_ = send_shut_ || how != SHUT_RD;
  tell(poll());
  return has_remote() ? 0 : -ENOTCONN;
}

int64_t UdpSocket::send(std::span<const iovec> from, int, const sockaddr* to, socklen_t to_size) {
  size_t bytes = total_bytes(from);
  Address peer = remote_;
  Side where = side_;
  int error = 0;
  if (to != nullptr) {
    error = find_peer(to, to_size, peer, where);
    if (error == 0 && peer.port == 0) error = -EINVAL;
  } else if (!has_remote()) {
    error = -EDESTADDRREQ;
  } else if (!fabric().route(peer, where)) {
    error = -ENETUNREACH;
  }
  if (error == 0 && bytes > (peer.is_v4() ? kMostBytes : kMostBytesV6)) error = -EMSGSIZE;
  if (error == 0) error = bind_somewhere();
  if (error == 0) error = take_error();
  if (error == 0 && send_shut_) error = -EPIPE;
  if (error == 0 && on_way_ >= static_cast<size_t>(options_.send_buffer)) error = -EAGAIN;
  if (error != 0) return error;
  dispatch(from, bytes, peer, where, true);
  return static_cast<int64_t>(bytes);
}

void UdpSocket::dispatch(std::span<const iovec> from, size_t bytes, const Address& peer, Side where,
                         bool may_double) {
  World& world = fabric().world;
  auto strikes = [&](uint32_t one_in) { return world.choices.one_in(ChoiceKind::fault, one_in); };
  uint64_t delay_ns = fabric().choose_delay_ns(side_, where);
  uint64_t arrival_ns = fabric().arrival_ns(side_, where, bytes, delay_ns);
  if (strikes(world.faults.drop_datagram)) {
    world.note(Happening::faulted, IPPROTO_UDP, 0);
    return;
  }
  if (strikes(world.faults.reorder_datagram)) {
    world.note(Happening::faulted, IPPROTO_UDP, 1);
    const LinkOptions& options = fabric().link_options(side_, where);
    uint64_t behind = 1 + world.choices.choose(ChoiceKind::fault, kOvertakers);
    arrival_ns = std::max(arrival_ns, last_arrival_ns_) + behind * options.most_delay_ns;
  } else {
    arrival_ns = last_arrival_ns_ = std::max(arrival_ns, last_arrival_ns_);
  }
  Datagram* datagram = fabric().datagrams.get(fabric(), fabric().chunks);
  datagram->from = local_;
  if (local_.is_any()) datagram->from.ip = fabric().source(side_, peer).ip;
  datagram->to = peer;
  datagram->from_side = side_;
  datagram->to_side = where;
  datagram->sender = weak_from_this();
  datagram->charge = bytes + kOverhead;
  datagram->bytes.copy_in(from, bytes);
  on_way_ += datagram->charge;
  world.events.schedule(*datagram, arrival_ns);
  if (!may_double || !strikes(world.faults.duplicate_datagram)) return;
  world.note(Happening::faulted, IPPROTO_UDP, 2);
  dispatch(from, bytes, peer, where, false);
}

void UdpSocket::sent(size_t charge) {
  on_way_ -= charge;
  // Linux says so each time, not only when there was no room before.
  if (writable()) tell(kOut | POLLWRBAND);
}

void UdpSocket::refused(const Address& peer) {
  // Who is not connected could not know which datagram is meant.
  if (!has_remote() || remote_ != peer) return;
  error_ = ECONNREFUSED;
  tell(POLLERR);
}

bool UdpSocket::take(Datagram* datagram) {
  // One more than there is room for, as Linux does.
  if (queued_ > static_cast<size_t>(options_.receive_buffer)) return false;
  queued_ += datagram->charge;
  datagram->next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = datagram;
  last_ = datagram;
  tell(kIn);
  return true;
}

Received UdpSocket::receive(std::span<const iovec> to, int flags) {
  Received received;
  if (error_ != 0) {
    received.result = take_error();
    return received;
  }
  if (first_ == nullptr) {
    received.result = receive_shut_ ? 0 : -EAGAIN;
    return received;
  }
  Datagram* datagram = first_;
  bool peek = (flags & MSG_PEEK) != 0;
  size_t whole = datagram->bytes.bytes();
  size_t copied = datagram->bytes.copy_out(to, peek);
  received.truncated = copied < whole;
  received.result = static_cast<int64_t>((flags & MSG_TRUNC) != 0 ? whole : copied);
  received.from_size = datagram->from.store(family_, received.from);
  if (!peek) {
    first_ = datagram->next;
    if (first_ == nullptr) last_ = nullptr;
    queued_ -= datagram->charge;
    fabric().datagrams.put(datagram);
  }
  received.more = first_ != nullptr;
  return received;
}

}  // namespace gatio::fakes
