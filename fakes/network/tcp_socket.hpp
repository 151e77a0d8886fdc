// A TCP socket of the simulated network: unconnected, listening, or one end of a Connection. The
// last reference that goes closes it: FIN, or RST when bytes are unread (rule U44 follows, since a
// request in flight holds a reference). Owned like every File; the simulation's one thread only.
#pragma once

#include <list>

#include "fakes/network/connection.hpp"
#include "fakes/network/inet_socket.hpp"

namespace gatio::fakes {

class TcpSocket final : public InetSocket {
 public:
  TcpSocket(Fabric& fabric, Side side, int family);
  ~TcpSocket() override;

  [[nodiscard]] uint32_t poll() const override;
  int listen(int backlog) override;
  int connect(const sockaddr* address, socklen_t size) override;
  int connect_error() override;
  int shutdown(int how) override;
  std::shared_ptr<Socket> accept(int& error, bool& more) override;
  Received receive(std::span<const iovec> to, int flags) override;
  int64_t send(std::span<const iovec> from, int flags, const sockaddr* to,
               socklen_t to_size) override;
  // Whoever has shut down both ways answers data with a reset.
  [[nodiscard]] bool refuses_data() const {
    return state_ == State::connected && receive_shut_ && send_shut_ && !done_;
  }
  [[nodiscard]] bool listening() const override { return state_ == State::listening; }
  // Which time it is that it listens: what began in an earlier period has no listener any more.
  [[nodiscard]] unsigned listening_period() const { return listening_period_; }

  // What its connection tells it.
  void connected();
  void failed(int error);
  void peer_ended();
  bool was_reset();  // false when it does not matter any more
  // What an arriving connection does to a listener.
  bool begin_handshake();  // false: the queue is full
  void handshake_ended() { --handshakes_; }
  TcpSocket& take_in(Connection& connection, const Address& local, const Address& remote);

  [[nodiscard]] size_t send_capacity() const;
  [[nodiscard]] size_t receive_capacity() const;

 private:
  enum class State : uint8_t { closed, listening, connecting, connected };
  static constexpr int kMostBacklog = 4096;  // net.core.somaxconn

  void options_changed() override;
  void stop_listening();
  void close();
  // Resets the connection, if there is one, and leaves it.
  void drop();
  [[nodiscard]] Connection::Pipe& incoming() const { return connection_->incoming(end_); }
  [[nodiscard]] Connection::Pipe& outgoing() const { return connection_->outgoing(end_); }
  [[nodiscard]] bool readable() const;
  void close_if_both_ended();

  State state_ = State::closed;
  Connection* connection_ = nullptr;
  unsigned end_ = 0;
  bool done_ = false;           // a FIN was received
  bool connect_told_ = true;    // whoever connected knows the outcome
  bool connect_over_ = false;   // it failed, and the socket can be used again
  bool disconnecting_ = false;  // shut down after a connect that failed: no other will be tried
  // Of a listener.
  std::list<std::shared_ptr<TcpSocket>> queue_;
  size_t backlog_ = 0;
  size_t handshakes_ = 0;
  unsigned listening_period_ = 0;
};

}  // namespace gatio::fakes
