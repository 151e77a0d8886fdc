// An IP address with its port, as the simulated network compares them: IPv4 is kept in its
// IPv4-mapped form, so that there is one kind of address. A plain value.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace gatio::fakes {

struct Address {
  std::array<uint8_t, 16> ip{};
  uint16_t port = 0;

  static Address any(int family);
  static Address loopback(bool v4);
  // Numbers only, as inet_pton(3) reads them; the text is a constant of the program's.
  static Address parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;   // an IPv4 address, mapped
  [[nodiscard]] bool is_any() const;  // 0.0.0.0 or ::
  [[nodiscard]] bool is_loopback() const;
  // This address in the format of a socket of `family`, cut to *size; *size is then its full size.
  void store(int family, sockaddr* to, socklen_t* size) const;
  [[nodiscard]] socklen_t store(int family, sockaddr_storage& to) const;

  friend bool operator==(const Address&, const Address&) = default;
};

// What a socket of `family` understands: 0, -EINVAL (too short) or -EAFNOSUPPORT.
int read_address(int family, const sockaddr* from, socklen_t size, Address& to);

// A range of addresses: the first `bits` bits are `of`'s.
struct Subnet {
  Address of;
  unsigned bits = 128;  // of the mapped form: 96 more for IPv4

  static Subnet parse(std::string_view text);  // "127.0.0.0/8", "::1"
  [[nodiscard]] bool has(const Address& address) const;
};

}  // namespace gatio::fakes
