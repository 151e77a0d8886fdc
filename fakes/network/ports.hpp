// Which sockets of one host and one transport are bound to which port, which of them listen, and
// whether one more may be bound: Linux's rules for SO_REUSEADDR, SO_REUSEPORT, wildcards and
// dual-stack sockets. Owned by its host; the simulation's one thread only.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "fakes/choices.hpp"
#include "fakes/network/address.hpp"

namespace gatio::fakes {

class InetSocket;

class Ports {
 public:
  // What net.ipv4.ip_local_port_range says.
  static constexpr uint16_t kFirstEphemeral = 32768;
  static constexpr uint16_t kLastEphemeral = 60999;

  // 0 when `socket` may be (or stay) bound to its local address, else -EADDRINUSE.
  [[nodiscard]] int check(const InetSocket& socket) const;
  // A free port for bind(2) without a number; 0 when there is none.
  uint16_t choose_free(const InetSocket& socket, Choices& choices) const;
  // One for connect(2), shared with connections to other peers when need be; 0 when there is none.
  uint16_t next_for_connect(const InetSocket& socket);

  void add(InetSocket& socket);  // by its local address
  void remove(InetSocket& socket);
  void add_listener(InetSocket& socket);
  void remove_listener(InetSocket& socket);

  // The listeners that get what is sent to `to`: one, or a group that shares the port.
  [[nodiscard]] const std::vector<InetSocket*>& listeners(const Address& to);
  // Likewise the datagram sockets for what `from` sends; a connected one goes first.
  [[nodiscard]] const std::vector<InetSocket*>& receivers(const Address& to, const Address& from);
  // Whether another socket has the same two ends.
  [[nodiscard]] bool connected(const InetSocket& socket) const;

 private:
  struct Port {
    InetSocket* bound = nullptr;  // a list
    std::vector<InetSocket*> listeners;
  };
  [[nodiscard]] const Port* find(uint16_t port) const;
  void consider(InetSocket& socket, int score, int& best);

  std::unordered_map<uint16_t, Port> ports_;
  std::vector<InetSocket*> found_;
  uint16_t last_for_connect_ = kFirstEphemeral;
};

}  // namespace gatio::fakes
