#include "runtime/config/listener.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>

#include "runtime/config/fields.hpp"

namespace gatio::config {

std::vector<Invalid> validate(const ListenerConfig& listener) {
  std::vector<Invalid> found;
  auto address = normal_address(listener.address);
  if (!address) found.push_back({"address", address.error().text});
  if (address && listener.v6only && address->find(':') == address->npos)
    found.push_back({"v6only", "is for IPv6 addresses, but the address is " + *address});
  if (listener.protocol.empty())
    found.push_back({"protocol", "is empty; write \"http\", \"echo\" or your own"});
  if (listener.protocol == "http" && listener.transport != Transport::tcp)
    found.push_back({"protocol", "http needs transport \"tcp\", but the transport is \"udp\""});
  each_number(listener, [&](const char* key, unsigned value, Range range) {
    if (!range.holds(value)) found.push_back({key, out_of_range(std::to_string(value), range)});
  });
  if (kBufferCount.holds(listener.buffers.count) && !std::has_single_bit(listener.buffers.count))
    found.push_back({"buffers.count", std::to_string(listener.buffers.count) +
                                          " is no power of two; the nearest are " +
                                          std::to_string(std::bit_floor(listener.buffers.count)) +
                                          " and " +
                                          std::to_string(std::bit_ceil(listener.buffers.count))});
  return found;
}

Result<std::string> normal_address(const std::string& address) {
  in6_addr bytes;
  char text[INET6_ADDRSTRLEN];
  for (int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, address.c_str(), &bytes) != 1) continue;
    inet_ntop(family, &bytes, text, sizeof text);
    // Such a socket would take the IPv4 address from a listener that names it plainly.
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&bytes))
      return fail(0, quoted(address) + " is an IPv4 address in IPv6 clothes; write \"" +
                         std::string(text).substr(sizeof "::ffff:" - 1) + "\"");
    return text;
  }
  if (address == "localhost")
    return fail(0, "\"localhost\" is a name; write \"127.0.0.1\" or \"::1\"");
  return fail(0, quoted(address) +
                     " is no IPv4 or IPv6 address in numbers, as \"127.0.0.1\" or \"::\" are");
}

std::string quoted(const std::string& text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string result = "\"";
  for (char each : text) {
    auto byte = static_cast<unsigned char>(each);
    if (each == '"' || each == '\\') {
      result += {'\\', each};
    } else if (byte < 0x20 || byte == 0x7f) {
      result += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      result += each;
    }
  }
  return result + "\"";
}

std::string endpoint(const std::string& address, unsigned port, Transport transport) {
  bool v6 = address.find(':') != address.npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port) + "/" +
         std::string(name(transport));
}

}  // namespace gatio::config
