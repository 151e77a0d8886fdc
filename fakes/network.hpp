// The simulated network: TCP and UDP sockets over IPv4 and IPv6 with their ports, queues and links.
// It knows nothing of rings: whoever wants to wait adds a Watch to a socket. Simulated clients use
// the same sockets as the program under test, from outside of it. Owned by FakeKernel; the
// simulation's one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

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
