// A TCP connection of the simulated network, from its SYN until both ends are closed and nothing is
// on its way any more: two pipes of bytes and signs, each in order. It outlives its sockets, as
// Linux's connections do. Owned by the Fabric; the simulation's one thread only.
#pragma once

#include <array>
#include <memory>

#include "fakes/events.hpp"
#include "fakes/network/chunk.hpp"
#include "fakes/network/fabric.hpp"

namespace gatio::fakes {

class InetSocket;
class TcpSocket;

class Connection {
 public:
  // What goes from one end to the other.
  struct Pipe : Event {
    Pipe(Connection& its_connection, ChunkPool& pool, unsigned its_sender);
    [[nodiscard]] size_t queued() const { return unsent.bytes() + travelling.bytes(); }
    [[nodiscard]] size_t send_room() const {
      return send_capacity > queued() ? send_capacity - queued() : 0;
    }
    // Linux asks for a third before it says POLLOUT.
    [[nodiscard]] bool writable() const { return 2 * send_room() >= queued() && send_room() > 0; }

    Connection& connection;
    const unsigned sender;  // 0 is the end that connected
    ChunkQueue unsent;
    ChunkQueue travelling;
    ChunkQueue received;
    size_t send_capacity = 0;
    size_t receive_capacity = 0;
    uint64_t last_arrival_ns = 0;
    bool ends = false;  // FIN is to follow what is unsent
    bool end_sent = false;
    bool end_received = false;
    bool reset_sent = false;       // nothing follows
    bool window_promised = false;  // the receiver has said, or will, that it has room
  };

  // `client` has its two addresses already.
  Connection(Fabric& fabric, TcpSocket& client, Side from, Side to);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Pipe& outgoing(unsigned end) { return pipes_[end]; }
  [[nodiscard]] Pipe& incoming(unsigned end) { return pipes_[1 - end]; }

  void start();   // sends the first SYN
  void cancel();  // the client no longer wants to connect
  // Sends what is unsent, as far as the receiver has room, and the FIN behind it.
  void pump(Pipe& pipe);
  // The receiver has taken bytes out of `pipe`.
  void taken(Pipe& pipe);
  void finish(unsigned end);  // FIN
  void abort(unsigned end);   // RST
  // The socket at this end is gone; the connection may go with it.
  void leave(unsigned end);

 private:
  friend class Fabric;
  struct Tidings;
  struct Retry : Event {
    explicit Retry(Connection& its_connection);
    Connection& connection;
  };
  static constexpr uint64_t kFirstRetryNs = 1'000'000'000;
  static constexpr unsigned kRetries = 6;  // net.ipv4.tcp_syn_retries

  void send_sign(Pipe& pipe, Sign sign);
  void dispatch(Pipe& pipe, Chunk* chunk, uint64_t delay_ns);
  void deliver(Pipe& pipe);
  void take(Pipe& pipe, Chunk* chunk, Tidings& tidings);
  void take_data(Pipe& pipe, Chunk* chunk, Tidings& tidings);
  void take_connect();
  void take_established(Tidings& tidings);
  void take_reset(Pipe& pipe, Tidings& tidings);
  void retry();
  bool strike();  // the plan of faults, that is
  [[nodiscard]] size_t window(const Pipe& pipe) const;
  [[nodiscard]] Side side(unsigned end) const { return sides_[end]; }
  [[nodiscard]] std::shared_ptr<TcpSocket> listener() const;
  void end_handshake();
  void free_if_over();

  Fabric& fabric_;
  const std::array<Side, 2> sides_;
  std::array<Pipe, 2> pipes_;
  std::array<TcpSocket*, 2> ends_;
  Address server_address_;
  Address client_address_;
  std::weak_ptr<InetSocket> listener_;  // while it waits for the end of the handshake
  unsigned listening_period_ = 0;       // of the listener, when the handshake began
  Retry retry_;
  unsigned retries_ = 0;
  bool handshaking_ = true;
  unsigned pins_ = 0;               // who needs it to exist until they return
  Connection* previous_ = nullptr;  // of the Fabric's list
  Connection* next_ = nullptr;
};

}  // namespace gatio::fakes
