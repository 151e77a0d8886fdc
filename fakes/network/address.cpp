#include "fakes/network/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {
namespace {

constexpr size_t kMapped = 12;  // how many bytes come before the IPv4 address

Address mapped(const void* v4) {
  Address address;
  address.ip[10] = address.ip[11] = 0xff;
  std::memcpy(&address.ip[kMapped], v4, 4);
  return address;
}

}  // namespace

Address Address::any(int family) {
  uint32_t zero = 0;
  return family == AF_INET ? mapped(&zero) : Address{};
}

Address Address::loopback(bool v4) {
  return parse(v4 ? "127.0.0.1" : "::1");
}

Address Address::parse(std::string_view text) {
  in_addr v4{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &v4) == 1) return mapped(&v4);
  Address address;
  int read = inet_pton(AF_INET6, std::string(text).c_str(), address.ip.data());
  GATIO_ASSERT(read == 1);
  return address;
}

bool Address::is_v4() const {
  return ip[10] == 0xff && ip[11] == 0xff &&
         std::all_of(&ip[0], &ip[10], [](uint8_t byte) { return byte == 0; });
}

bool Address::is_any() const {
  const uint8_t* from = is_v4() ? &ip[kMapped] : &ip[0];
  return std::all_of(from, ip.data() + ip.size(), [](uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (is_v4()) return ip[kMapped] == 127;
  return ip[15] == 1 && std::all_of(&ip[0], &ip[15], [](uint8_t byte) { return byte == 0; });
}

socklen_t Address::store(int family, sockaddr_storage& to) const {
  to = {};
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(to);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, &ip[kMapped], 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(to);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
  return sizeof v6;
}

void Address::store(int family, sockaddr* to, socklen_t* size) const {
  sockaddr_storage storage;
  socklen_t full = store(family, storage);
  std::memcpy(to, &storage, std::min(full, *size));
  *size = full;
}

int read_address(int family, const sockaddr* from, socklen_t size, Address& to) {
  if (size < sizeof(sa_family_t)) return -EINVAL;
  sockaddr_storage storage{};
  std::memcpy(&storage, from, std::min<size_t>(size, sizeof storage));
  if (family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    if (size < sizeof v4) return -EINVAL;
    // Old programs leave the family out when they mean the wildcard.
    bool old = v4.sin_family == AF_UNSPEC && v4.sin_addr.s_addr == INADDR_ANY;
    if (v4.sin_family != AF_INET && !old) return -EAFNOSUPPORT;
    to = mapped(&v4.sin_addr);
    to.port = ntohs(v4.sin_port);
    return 0;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  // Without the scope, as in RFC 2133.
  if (size < offsetof(sockaddr_in6, sin6_scope_id)) return -EINVAL;
  if (v6.sin6_family != AF_INET6) return -EAFNOSUPPORT;
  std::memcpy(to.ip.data(), &v6.sin6_addr, to.ip.size());
  to.port = ntohs(v6.sin6_port);
  return 0;
}

Subnet Subnet::parse(std::string_view text) {
  size_t slash = text.find('/');
  Subnet subnet{Address::parse(text.substr(0, slash))};
  if (slash == std::string_view::npos) return subnet;
  std::string_view number = text.substr(slash + 1);
  auto read = std::from_chars(number.data(), number.data() + number.size(), subnet.bits);
  if (subnet.of.is_v4()) subnet.bits += 8 * kMapped;
  GATIO_ASSERT(read.ec == std::errc() && subnet.bits <= 128);
  return subnet;
}

bool Subnet::has(const Address& address) const {
  unsigned whole = bits / 8;
  if (!std::equal(&of.ip[0], &of.ip[0] + whole, &address.ip[0])) return false;
  if (bits % 8 == 0) return true;
  return ((of.ip[whole] ^ address.ip[whole]) >> (8 - bits % 8)) == 0;
}

}  // namespace gatio::fakes
