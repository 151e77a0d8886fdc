// The client side of TCP on one driver: what connect() makes lives here. A Service of each driver
// that does I/O, owned by the runtime; its buffers are mapped with the first connection. connect()
// may be awaited on any driver that executes.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/net/connection_host.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

class StreamClient final : public ConnectionHost {
 public:
  static constexpr config::Buffers kBuffers{.count = 256, .size = 4096};
  static constexpr config::Timeouts kNoTimeouts{.header_ms = 0, .idle_ms = 0, .drain_ms = 0};

  StreamClient(Driver& driver, uint16_t buffer_group)
      : ConnectionHost(driver, buffer_group, kBuffers, kNoTimeouts) {}

  Result<void> prepare() override { return {}; }
  Result<void> start() override { return {}; }
  Result<void> check() override { return {}; }
  // Handlers that still answer may use and make connections; whoever idles on one ends with its
  // task, which is asked to stop once all services are drained.
  void drain() override {}
  [[nodiscard]] bool drained() const override { return true; }

  // Takes over a connected socket. On this driver. ENOMEM when there is no memory for it.
  Result<Stream> adopt_socket(int fd);
};

// Connects to an IPv4 or IPv6 address in numbers. The errors of connect(2), EINVAL for an address
// that is none, EMFILE, ENOMEM, ECANCELED.
Task<Result<Stream>> connect(std::string address, uint16_t port);

}  // namespace gatio
