// What one [[listener]] of a configuration asks for: a port, its protocol, and the drivers that
// serve it. Plain data, made at start-up, then read by any thread. Every member but the port has a
// default; a new member also goes into parse, print and the canonical form (net/plan.cpp).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/place.hpp"

namespace gatio::config {

enum class Transport : uint8_t { tcp, udp };

[[nodiscard]] constexpr std::string_view name(Transport transport) {
  return transport == Transport::tcp ? "tcp" : "udp";
}

// A driver as people write it: "0/2" is driver 2 of the TPC on node 0 (the operating system's
// number).
struct DriverName {
  unsigned node = 0;
  unsigned index = 0;
  auto operator<=>(const DriverName&) const = default;
  [[nodiscard]] std::string text() const {
    return std::to_string(node) + "/" + std::to_string(index);
  }
};

struct DriverSet {
  bool all_io = true;             // "io": every driver that does I/O
  std::vector<DriverName> names;  // otherwise exactly these
  bool operator==(const DriverSet&) const = default;
};

struct Buffers {
  unsigned count = 1024;  // in each driver's buffer ring; a power of two
  unsigned size = 4096;   // bytes each
  bool operator==(const Buffers&) const = default;
};

struct Limits {
  unsigned connections = 10'000;  // on all drivers of the port together
  unsigned header_bytes = 16'384;
  unsigned body_bytes = 1'048'576;
  bool operator==(const Limits&) const = default;
};

struct Timeouts {
  unsigned header_ms = 5'000;
  unsigned idle_ms = 60'000;
  unsigned drain_ms = 10'000;
  bool operator==(const Timeouts&) const = default;
};

struct ListenerConfig {
  std::string name;  // tells two listeners on port 0 apart, and labels metrics; may be empty
  std::string address = "127.0.0.1";  // IPv4 or IPv6, in numbers
  uint16_t port = 0;                  // 0: the kernel chooses one number, shared by all drivers
  Transport transport = Transport::tcp;
  std::string protocol = "http";
  std::string handler = "hello";
  DriverSet drivers;
  bool dedicated = false;  // its drivers serve no port of the other transport
  unsigned backlog = 4096;
  Buffers buffers;
  Limits limits;
  Timeouts timeouts;
  bool no_delay = true;         // TCP_NODELAY
  bool v6only = false;          // IPV6_V6ONLY; off, "::" also takes IPv4
  unsigned receive_buffer = 0;  // SO_RCVBUF in bytes; 0: the kernel's own choice
  unsigned send_buffer = 0;     // SO_SNDBUF in bytes
  Place declared;
  bool operator==(const ListenerConfig&) const = default;
};

// A value that a configuration may not have: "backlog", "0 is out of range, 1 to 65535 is allowed".
struct Invalid {
  std::string key;
  std::string sentence;
};

// All values that a listener may not have, whoever filled it in: a file or a program.
[[nodiscard]] std::vector<Invalid> validate(const ListenerConfig& listener);

// An IPv4 or IPv6 address in its one normal spelling ("0:0::1" -> "::1").
Result<std::string> normal_address(const std::string& address);

// The text between double quotes, escaped as TOML wants it.
[[nodiscard]] std::string quoted(const std::string& text);

// "127.0.0.1:8080/tcp" or "[::1]:53/udp".
[[nodiscard]] std::string endpoint(const std::string& address, unsigned port, Transport transport);

}  // namespace gatio::config
