#include "fakes/network/socket_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gatio::fakes {
namespace {

constexpr int kLeastReceiveBuffer = 2304;
constexpr int kLeastSendBuffer = 4608;
constexpr int kMostKeepSeconds = 32767;
constexpr int kMostKeepCount = 127;

enum class Kind : uint8_t { boolean, number, buffer };

struct Option {
  int level;
  int name;
  int SocketOptions::*value;
  Kind kind = Kind::boolean;
  int least = 0;
  int most = 0;  // 0: no bound
};

constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_REUSEADDR, &SocketOptions::reuse_address},
    {SOL_SOCKET, SO_REUSEPORT, &SocketOptions::reuse_port},
    {SOL_SOCKET, SO_KEEPALIVE, &SocketOptions::keep_alive},
    {SOL_SOCKET, SO_BROADCAST, &SocketOptions::broadcast},
    {SOL_SOCKET, SO_ZEROCOPY, &SocketOptions::zero_copy},
    {SOL_SOCKET, SO_INCOMING_CPU, &SocketOptions::incoming_cpu, Kind::number, -1},
    {SOL_SOCKET, SO_RCVBUF, &SocketOptions::receive_buffer, Kind::buffer, kLeastReceiveBuffer},
    {SOL_SOCKET, SO_SNDBUF, &SocketOptions::send_buffer, Kind::buffer, kLeastSendBuffer},
    {IPPROTO_TCP, TCP_NODELAY, &SocketOptions::no_delay},
    {IPPROTO_TCP, TCP_QUICKACK, &SocketOptions::quick_ack},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, &SocketOptions::user_timeout, Kind::number, 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, &SocketOptions::keep_idle, Kind::number, 1, kMostKeepSeconds},
    {IPPROTO_TCP, TCP_KEEPINTVL, &SocketOptions::keep_interval, Kind::number, 1, kMostKeepSeconds},
    {IPPROTO_TCP, TCP_KEEPCNT, &SocketOptions::keep_count, Kind::number, 1, kMostKeepCount},
    {IPPROTO_IPV6, IPV6_V6ONLY, &SocketOptions::v6only},
};

const Option* find(int family, int type, int level, int name) {
  if (level == IPPROTO_IPV6 && family != AF_INET6) return nullptr;
  if (level == IPPROTO_TCP && type != SOCK_STREAM) return nullptr;
  for (const Option& option : kOptions) {
    if (option.level == level && option.name == name) return &option;
  }
  return nullptr;
}

}  // namespace

int SocketOptions::set(int family, int type, int level, int name, const void* value, socklen_t size,
                       size_t most_buffer_bytes) {
  if (level == SOL_SOCKET && name == SO_LINGER) {
    if (size < sizeof lingers) return -EINVAL;
    std::memcpy(&lingers, value, sizeof lingers);
    lingers.l_onoff = lingers.l_onoff != 0;
    return 0;
  }
  const Option* option = find(family, type, level, name);
  if (option == nullptr) return -ENOPROTOOPT;
  int wanted = 0;
  if (size < sizeof wanted) return -EINVAL;
  std::memcpy(&wanted, value, sizeof wanted);
  int& kept = this->*option->value;
  if (option->kind == Kind::boolean) {
    kept = wanted != 0;
  } else if (option->kind == Kind::buffer) {
    // Compared as unsigned: a negative figure is a very large one. Twice, for the bookkeeping.
    auto asked = std::min<size_t>(static_cast<unsigned>(wanted), most_buffer_bytes);
    kept = std::max(static_cast<int>(2 * asked), option->least);
    (name == SO_RCVBUF ? receive_buffer_set : send_buffer_set) = true;
  } else {
    if (wanted < option->least || (option->most != 0 && wanted > option->most)) return -EINVAL;
    kept = wanted;
  }
  return 0;
}

int SocketOptions::get(int family, int type, int level, int name, void* value,
                       socklen_t* size) const {
  if (level == SOL_SOCKET && name == SO_LINGER) {
    socklen_t given = std::min<socklen_t>(*size, sizeof lingers);
    std::memcpy(value, &lingers, given);
    *size = given;
    return 0;
  }
  const Option* option = find(family, type, level, name);
  if (option == nullptr) return -ENOPROTOOPT;
  return give_option(this->*option->value, value, size);
}

int give_option(int value, void* to, socklen_t* size) {
  socklen_t given = std::min<socklen_t>(*size, sizeof value);
  std::memcpy(to, &value, given);
  *size = given;
  return 0;
}

}  // namespace gatio::fakes
