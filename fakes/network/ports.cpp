#include "fakes/network/ports.hpp"

#include <algorithm>

#include "fakes/network/inet_socket.hpp"

namespace gatio::fakes {
namespace {

// Whether two sockets on one port could get the same packet.
bool overlap(const InetSocket& a, const InetSocket& b) {
  const Address& one = a.local();
  const Address& two = b.local();
  bool v4_one = one.is_v4();
  bool v4_two = two.is_v4();
  if (v4_one == v4_two) return one.ip == two.ip || one.is_any() || two.is_any();
  const Address& v6 = v4_one ? two : one;
  bool v6only = (v4_one ? b : a).options().v6only != 0;
  return v6.is_any() && !v6only;
}

bool conflict(const InetSocket& a, const InetSocket& b) {
  if (&a == &b || !overlap(a, b)) return false;
  bool both_reuse = a.options().reuse_address != 0 && b.options().reuse_address != 0;
  if (both_reuse && !b.listening()) return false;
  return a.options().reuse_port == 0 || b.options().reuse_port == 0;
}

// How well a socket's local address fits a packet to `to`; -1 not at all.
int fit(const InetSocket& socket, const Address& to) {
  const Address& local = socket.local();
  bool dual = !local.is_v4() && local.is_any() && socket.options().v6only == 0;
  if (local.is_v4() != to.is_v4() && !dual) return -1;
  int score = socket.family() == AF_INET ? 1 : 0;
  if (local.ip == to.ip) return score + 2;
  return local.is_any() ? score : -1;
}

}  // namespace

const Ports::Port* Ports::find(uint16_t port) const {
  auto found = ports_.find(port);
  return found == ports_.end() ? nullptr : &found->second;
}

int Ports::check(const InetSocket& socket) const {
  const Port* port = find(socket.local().port);
  if (port == nullptr) return 0;
  for (const InetSocket* other = port->bound; other != nullptr; other = other->next_bound_) {
    if (conflict(socket, *other)) return -EADDRINUSE;
  }
  return 0;
}

uint16_t Ports::choose_free(const InetSocket& socket, Choices& choices) const {
  constexpr uint32_t kCount = kLastEphemeral - kFirstEphemeral + 1;
  uint32_t start = choices.choose(ChoiceKind::order, kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    auto number = static_cast<uint16_t>(kFirstEphemeral + (start + i) % kCount);
    const Port* port = find(number);
    bool taken = false;
    for (InetSocket* other = port == nullptr ? nullptr : port->bound; other != nullptr && !taken;
         other = other->next_bound_) {
      taken = overlap(socket, *other);
    }
    if (!taken) return number;
  }
  return 0;
}

bool Ports::connected(const InetSocket& socket) const {
  const Port* port = find(socket.local().port);
  if (port == nullptr) return false;
  for (const InetSocket* other = port->bound; other != nullptr; other = other->next_bound_) {
    if (other != &socket && other->has_remote() && other->remote() == socket.remote() &&
        other->local() == socket.local()) {
      return true;
    }
  }
  return false;
}

uint16_t Ports::next_for_connect(const InetSocket& socket) {
  for (uint32_t i = kFirstEphemeral; i <= kLastEphemeral; ++i) {
    last_for_connect_ = last_for_connect_ == kLastEphemeral
                            ? kFirstEphemeral
                            : static_cast<uint16_t>(last_for_connect_ + 1);
    const Port* port = find(last_for_connect_);
    bool taken = false;
    for (InetSocket* other = port == nullptr ? nullptr : port->bound; other != nullptr && !taken;
         other = other->next_bound_) {
      taken = !other->bound_by_connect() || other->remote() == socket.remote();
    }
    if (!taken) return last_for_connect_;
  }
  return 0;
}

void Ports::add(InetSocket& socket) {
  Port& port = ports_[socket.local().port];
  socket.next_bound_ = port.bound;
  if (port.bound != nullptr) port.bound->previous_bound_ = &socket;
  port.bound = &socket;
}

void Ports::remove(InetSocket& socket) {
  auto found = ports_.find(socket.local().port);
  Port& port = found->second;
  if (socket.next_bound_ != nullptr) socket.next_bound_->previous_bound_ = socket.previous_bound_;
  (socket.previous_bound_ == nullptr ? port.bound : socket.previous_bound_->next_bound_) =
      socket.next_bound_;
  socket.previous_bound_ = socket.next_bound_ = nullptr;
  if (port.bound == nullptr) ports_.erase(found);
}

void Ports::add_listener(InetSocket& socket) {
  ports_[socket.local().port].listeners.push_back(&socket);
}

void Ports::remove_listener(InetSocket& socket) {
  std::erase(ports_[socket.local().port].listeners, &socket);
}

// Those with the best score so far; several only where all share the port.
void Ports::consider(InetSocket& socket, int score, int& best) {
  if (score < 0 || score < best) return;
  bool shares = score == best && socket.options().reuse_port != 0 &&
                found_.front()->options().reuse_port != 0 &&
                found_.front()->local().ip == socket.local().ip;
  if (score == best && !shares) return;
  if (score > best) found_.clear();
  found_.push_back(&socket);
  best = score;
}

const std::vector<InetSocket*>& Ports::listeners(const Address& to) {
  found_.clear();
  const Port* port = find(to.port);
  int best = -1;
  if (port == nullptr) return found_;
  for (InetSocket* socket : port->listeners) consider(*socket, fit(*socket, to), best);
  return found_;
}

const std::vector<InetSocket*>& Ports::receivers(const Address& to, const Address& from) {
  constexpr int kConnected = 4;
  found_.clear();
  const Port* port = find(to.port);
  int best = -1;
  if (port == nullptr) return found_;
  for (InetSocket* socket = port->bound; socket != nullptr; socket = socket->next_bound_) {
    int score = fit(*socket, to);
    if (score >= 0 && socket->has_remote()) {
      score = socket->remote() == from ? score + kConnected : -1;
    }
    consider(*socket, score, best);
  }
  return found_;
}

}  // namespace gatio::fakes
