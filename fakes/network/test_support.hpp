// What the tests of the simulated network share: a world with one caller, and sockets with short
// calls. Owned by a test; its thread only.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fakes/alone.hpp"
#include "fakes/network.hpp"
#include "fakes/network/address.hpp"

namespace gatio::fakes {

using SocketPtr = std::shared_ptr<Socket>;

struct TestAddress {
  TestAddress(const std::string& ip, uint16_t port);
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

struct TestNetwork {
  explicit TestNetwork(Choices its_choices = Choices(std::vector<uint32_t>{}),
                       const NetworkOptions& options = {});

  SocketPtr tcp(Side side = Side::inside, int family = AF_INET);
  SocketPtr udp(Side side = Side::inside, int family = AF_INET);
  // Bound, with SO_REUSEADDR, and listening.
  SocketPtr listener(const std::string& ip, uint16_t port, int backlog = 128);
  // Begins to connect, and lets all happen that is due within a millisecond.
  SocketPtr client(const std::string& ip, uint16_t port, Side side = Side::outside);
  // A connection: the client's end and the server's.
  struct Pair {
    SocketPtr client;
    SocketPtr server;
  };
  Pair pair(const SocketPtr& listener, const std::string& ip, uint16_t port);
  void pass(uint64_t ns = 1'000'000) { alone.pass_until(world.now_ns + ns); }

  Choices choices;
  World world;
  Alone alone;
  Network network;
};

int set_int(Socket& socket, int level, int name, int value);
int get_int(Socket& socket, int level, int name);
int bind_to(Socket& socket, const std::string& ip, uint16_t port);
int connect_to(Socket& socket, const std::string& ip, uint16_t port);
uint16_t port_of(Socket& socket);
std::string name_of(const sockaddr_storage& storage);  // "127.0.0.1:80"
std::string name_of(Socket& socket);
int64_t send_text(Socket& socket, std::string_view text);
int64_t send_text_to(Socket& socket, std::string_view text, const std::string& ip, uint16_t port);
// What was received, or "errno NAME".
std::string receive_text(Socket& socket, size_t most = 4096, int flags = 0);
std::string poll_text(const Socket& socket);  // "IN OUT", without POLLRDNORM and the like
std::string error_text(int64_t result);       // "3", "EPIPE"
SocketPtr accept_one(Socket& listener);

// Keeps what it is told.
struct Listening final : Watch {
  void changed(uint32_t events) override {
    seen |= events;
    ++times;
  }
  uint32_t seen = 0;
  int times = 0;
};

}  // namespace gatio::fakes
