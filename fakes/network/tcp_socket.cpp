#include "fakes/network/tcp_socket.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <utility>

namespace gatio::fakes {
namespace {

constexpr int kDefaultSendBuffer = 16384;  // net.ipv4.tcp_wmem; it grows by itself

}  // namespace

TcpSocket::TcpSocket(Fabric& its_fabric, Side side, int family)
    : InetSocket(its_fabric, side, family, SOCK_STREAM) {
  options_.send_buffer = kDefaultSendBuffer;
  options_.receive_buffer = static_cast<int>(fabric().options.receive_buffer_bytes);
}

TcpSocket::~TcpSocket() {
  if (alive()) close();
}

size_t TcpSocket::send_capacity() const {
  return options_.send_buffer_set ? static_cast<size_t>(options_.send_buffer)
                                  : fabric().options.send_buffer_bytes;
}

size_t TcpSocket::receive_capacity() const {
  return static_cast<size_t>(options_.receive_buffer);
}

void TcpSocket::options_changed() {
  if (connection_ == nullptr) return;
  outgoing().send_capacity = send_capacity();
  incoming().receive_capacity = receive_capacity();
  connection_->taken(incoming());
}

bool TcpSocket::readable() const {
  return connection_ != nullptr && !incoming().received.empty();
}

uint32_t TcpSocket::poll() const {
  if (state_ == State::listening) return queue_.empty() ? 0 : kIn;
  uint32_t events = 0;
  if (state_ == State::closed || (receive_shut_ && send_shut_)) events |= POLLHUP;
  if (receive_shut_) events |= kIn | POLLRDHUP;
  if (state_ != State::connecting) {
    if (readable()) events |= kIn;
    if (send_shut_ || connection_ == nullptr || outgoing().writable()) events |= kOut;
  }
  if (error_ != 0) events |= POLLERR;
  return events;
}

int TcpSocket::listen(int backlog) {
  if (state_ != State::closed && state_ != State::listening) return -EINVAL;
  if (connection_ != nullptr) return -EINVAL;
  backlog_ = static_cast<size_t>(
      std::min(static_cast<unsigned>(backlog), static_cast<unsigned>(kMostBacklog)));
  if (state_ == State::listening) return 0;
  if (bind_somewhere() != 0) return -EADDRINUSE;
  // Since bind(2) another may have begun to listen here.
  int error = ports().check(*this);
  if (error != 0) return error;
  state_ = State::listening;
  receive_shut_ = send_shut_ = false;
  ports().add_listener(*this);
  return 0;
}

int TcpSocket::connect(const sockaddr* address, socklen_t size) {
  if (size >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
    drop();
    return 0;
  }
  if (disconnecting_) return -EINVAL;
  switch (state_) {
    case State::listening:
      return -EISCONN;
    case State::connecting:
      return -EALREADY;
    case State::connected:
      if (connect_told_) return -EISCONN;
      connect_told_ = true;
      return 0;
    case State::closed:
      break;
  }
  if (connect_over_) {
    int error = take_error();
    drop();
    return error != 0 ? error : -ECONNABORTED;
  }
  if (connection_ != nullptr) return -EISCONN;
  Address peer;
  Side where = side_;
  int error = find_peer(address, size, peer, where);
  if (error == 0) error = bind_for_connect(peer);
  if (error != 0) return error;
  connection_ = new Connection(fabric(), *this, side_, where);
  end_ = 0;
  state_ = State::connecting;
  connect_told_ = false;
  connection_->start();
  return -EINPROGRESS;
}

int TcpSocket::connect_error() {
  if (state_ == State::connecting) return -EINPROGRESS;
  connect_told_ = true;
  return take_error();
}

void TcpSocket::connected() {
  state_ = State::connected;
}

void TcpSocket::failed(int error) {
  error_ = error;
  state_ = State::closed;
  receive_shut_ = send_shut_ = true;
  connect_over_ = true;
}

void TcpSocket::peer_ended() {
  done_ = receive_shut_ = true;
  close_if_both_ended();
}

void TcpSocket::close_if_both_ended() {
  if (done_ && send_shut_ && state_ == State::connected) state_ = State::closed;
}

bool TcpSocket::was_reset() {
  if (state_ == State::closed) return false;
  if (state_ == State::connecting) {
    failed(ECONNREFUSED);
    return true;
  }
  // Who has seen the peer's end can only notice it by sending.
  error_ = done_ ? EPIPE : ECONNRESET;
  state_ = State::closed;
  receive_shut_ = send_shut_ = true;
  return true;
}

void TcpSocket::drop() {
  if (state_ == State::listening) stop_listening();
  if (state_ == State::connecting) {
    std::exchange(connection_, nullptr)->cancel();
  } else if (connection_ != nullptr) {
    Connection* connection = std::exchange(connection_, nullptr);
    if (state_ != State::closed) connection->abort(end_);
    connection->leave(end_);
  }
  state_ = State::closed;
  error_ = 0;
  done_ = receive_shut_ = send_shut_ = connect_over_ = disconnecting_ = false;
  connect_told_ = true;
  if (has_remote()) forget_remote();
}

void TcpSocket::stop_listening() {
  state_ = State::closed;
  ports().remove_listener(*this);
  handshakes_ = 0;
  ++listening_period_;
  for (auto& connection : std::exchange(queue_, {})) connection->drop();
}

int TcpSocket::shutdown(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  bool receive = how != SHUT_WR;
  bool send = how != SHUT_RD;
  if (state_ == State::listening) {
    if (!receive) return 0;
    stop_listening();
    tell(POLLERR);
    tell(poll());
    return 0;
  }
  if (state_ == State::connecting) {
    std::exchange(connection_, nullptr)->cancel();
    failed(ECONNRESET);
    receive_shut_ = send_shut_ = false;
    tell(poll());
    return 0;
  }
  bool was_closed = state_ == State::closed;
  disconnecting_ = disconnecting_ || (was_closed && connect_over_);
  receive_shut_ = receive_shut_ || receive;
  send_shut_ = send_shut_ || send;
  if (send && !was_closed) connection_->finish(end_);
  close_if_both_ended();
  tell(poll() | kStateChanged);
  return was_closed ? -ENOTCONN : 0;
}

void TcpSocket::close() {
  if (state_ == State::listening) stop_listening();
  if (connection_ == nullptr) return;
  bool lingers_not = options_.lingers.l_onoff != 0 && options_.lingers.l_linger == 0;
  Connection* connection = std::exchange(connection_, nullptr);
  if (state_ == State::connecting) {
    connection->cancel();
    return;
  }
  if (state_ == State::connected || done_) {
    bool unread = !connection->incoming(end_).received.empty();
    if (unread || (lingers_not && state_ == State::connected)) {
      connection->abort(end_);
    } else {
      connection->finish(end_);
    }
  }
  connection->leave(end_);
}

bool TcpSocket::begin_handshake() {
  // Linux compares with "more than", so that a backlog of 0 has room for one.
  if (queue_.size() + handshakes_ > backlog_) return false;
  ++handshakes_;
  return true;
}

TcpSocket& TcpSocket::take_in(Connection& connection, const Address& local, const Address& remote) {
  auto child = std::make_shared<TcpSocket>(fabric(), side_, family_);
  child->options_ = options_;
  child->remote_ = remote;
  child->has_remote_ = true;
  child->settle_local(local);
  child->connection_ = &connection;
  child->end_ = 1;
  child->state_ = State::connected;
  queue_.push_back(std::move(child));
  return *queue_.back();
}

std::shared_ptr<Socket> TcpSocket::accept(int& error, bool& more) {
  error = state_ == State::listening ? 0 : -EINVAL;
  more = false;
  if (error == 0 && queue_.empty()) error = -EAGAIN;
  if (error != 0) return nullptr;
  auto connection = std::move(queue_.front());
  queue_.pop_front();
  more = !queue_.empty();
  return connection;
}

Received TcpSocket::receive(std::span<const iovec> to, int flags) {
  Received received;
  if (state_ == State::listening) {
    received.result = -ENOTCONN;
    return received;
  }
  if (readable()) {
    auto& pipe = incoming();
    bool peek = (flags & MSG_PEEK) != 0;
    received.result = static_cast<int64_t>(pipe.received.copy_out(to, peek));
    received.more = done_ || !pipe.received.empty();
    // Linux counts sequence numbers, of which the end has one.
    received.left = pipe.received.bytes() + (done_ ? 1 : 0);
    if (!peek) connection_->taken(pipe);
    return received;
  }
  received.more = done_;
  if (done_) return received;
  if (error_ != 0) {
    received.result = take_error();
  } else if (receive_shut_) {
    received.result = 0;
  } else {
    received.result = state_ == State::closed ? -ENOTCONN : -EAGAIN;
  }
  return received;
}

int64_t TcpSocket::send(std::span<const iovec> from, int, const sockaddr*, socklen_t) {
  if (error_ != 0) return take_error();
  if (state_ == State::connecting) return -EAGAIN;
  if (send_shut_ || connection_ == nullptr) return -EPIPE;
  size_t bytes = total_bytes(from);
  if (bytes == 0) return 0;
  auto& pipe = outgoing();
  bytes = std::min(bytes, pipe.send_room());
  if (bytes == 0) return -EAGAIN;
  pipe.unsent.copy_in(from, bytes);
  connection_->pump(pipe);
  return static_cast<int64_t>(bytes);
}

}  // namespace gatio::fakes
