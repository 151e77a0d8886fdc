// The sockets of a port, bound before any driver runs. Used by the starting thread only.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/listener.hpp"
#include "runtime/kernel/kernel.hpp"
#include "runtime/net/plan.hpp"

namespace gatio {

// An IPv4 or IPv6 address in numbers, with its port.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
Result<SocketAddress> parse_address(const std::string& address, uint16_t port);

struct BoundSockets {
  uint16_t port = 0;     // the number, also where the kernel chose it
  std::vector<int> fds;  // one for each driver that serves the port
};

// Binds one socket for each of the `members` to the listener's address, all with the same
// options. A port that somebody else has is noticed, which SO_REUSEPORT hides from the same user:
// the first socket binds and listens without it, and only then lets its siblings in. Who connects
// before the drivers run waits in its backlog. On an error nothing stays open; it names the driver,
// and the caller says which port it was.
Result<BoundSockets> bind_port(Kernel& kernel, const config::ListenerConfig& listener,
                               const std::vector<DriverName>& members);

// What the kernel says about a bound socket: its address and every option that a listener sets,
// read back. All sockets of one port must have the same (R11, as the kernel sees it).
Result<CanonicalConfig> read_back(Kernel& kernel, int fd);

}  // namespace gatio
