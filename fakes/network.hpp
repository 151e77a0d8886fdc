// The simulated network: TCP and UDP sockets over IPv4 and IPv6 with their ports, queues and links.
// It knows nothing of rings: whoever wants to wait adds a Watch to a socket. Simulated clients use
// the same sockets as the program under test, from outside of it. Owned by FakeKernel; the
// simulation's one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fakes/file.hpp"
#include "fakes/world.hpp"

namespace gatio::fakes {

// One direction of a path. A packet takes between the two delays, chosen when it is sent; a stream
// stays in order.
struct LinkOptions {
  uint64_t least_delay_ns = 2'000;
  uint64_t most_delay_ns = 50'000;
  uint64_t bytes_per_second = 0;  // 0: no limit
};

struct NetworkOptions {
  LinkOptions loopback;                      // between sockets of this machine
  LinkOptions outside;                       // between this machine and simulated clients
  size_t send_buffer_bytes = 208 * 1024;     // of a stream, until SO_SNDBUF
  size_t receive_buffer_bytes = 128 * 1024;  // until SO_RCVBUF
  size_t most_buffer_bytes = 4 << 20;        // net.core.{r,w}mem_max
  // Addresses in numbers, or with the bits of their subnet. The machine's, besides 127.0.0.0/8 and
  // ::1, and the clients'; the first of each family is who a socket says it is to the other side.
  std::vector<std::string> addresses = {"10.0.0.1", "fd00::1"};
  std::vector<std::string> outside_addresses = {"10.1.0.1/16", "fd00:1::1/64"};
  uint16_t first_unprivileged_port = 0;  // binding below it is -EACCES
  bool abort_on_overflow = false;        // a full backlog refuses, instead of not answering
  uint32_t split_one_in = 8;             // one in so many pieces of a stream arrives as two
};

// Who makes a socket: the program under test, or a simulated client behind the `outside` link.
enum class Side : uint8_t { inside, outside };

class Network {
 public:
  Network(World& world, const NetworkOptions& options);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // AF_INET or AF_INET6, SOCK_STREAM or SOCK_DGRAM; nullptr with `error` = -errno otherwise.
  std::shared_ptr<Socket> socket(int domain, int type, int protocol, Side side, int& error);

  // For the checks at the end of a run: sockets that still exist on the side of the program.
  [[nodiscard]] size_t live_sockets() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gatio::fakes
