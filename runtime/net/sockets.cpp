#include "runtime/net/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

namespace gatio {

namespace {

std::string advice(int error) {
  switch (error) {
    case EADDRINUSE:
      return ": choose another port, or stop the program that has it (ss -ltnp shows which)";
    case EACCES:
      return ": ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
      return ": no interface of this machine has that address";
    case EMFILE:
    case ENFILE:
      return ": raise the limit of open files (ulimit -n)";
    default:
      return "";
  }
}

Error explain(const char* call, int error) {
  return {error, std::string(call) + " failed: " + strerrordesc_np(error) + advice(error)};
}

int set(Kernel& kernel, int fd, int level, int name, int value) {
  return kernel.setsockopt(fd, level, name, &value, sizeof value);
}

// Options that every socket of the port gets; accepted ones inherit them.
int set_options(Kernel& kernel, int fd, const config::ListenerConfig& listener, int family) {
  int error = set(kernel, fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error >= 0 && listener.no_delay) error = set(kernel, fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (error >= 0 && family == AF_INET6)
    error = set(kernel, fd, IPPROTO_IPV6, IPV6_V6ONLY, listener.v6only);
  if (error >= 0 && listener.receive_buffer != 0) {
    error = set(kernel, fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(listener.receive_buffer));
  }
  if (error >= 0 && listener.send_buffer != 0) {
    error = set(kernel, fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(listener.send_buffer));
  }
  return error;
}

Result<int> bind_one(Kernel& kernel, const config::ListenerConfig& listener,
                     const SocketAddress& address, bool is_first) {
  int family = address.storage.ss_family;
  int fd = kernel.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return explain("socket", -fd);
  const char* call = "setsockopt";
  int error = set_options(kernel, fd, listener, family);
  if (error >= 0 && !is_first) error = set(kernel, fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (error >= 0) {
    call = "bind";
    error = kernel.bind(fd, address.get(), address.size);
  }
  // Listening ends the time in which somebody else's SO_REUSEADDR could bind here too, unnoticed by
  // both; so it comes before SO_REUSEPORT lets the siblings in.
  if (error >= 0 && is_first) {
    call = "listen";
    error = kernel.listen(fd, static_cast<int>(listener.backlog));
  }
  if (error >= 0 && is_first) {
    call = "setsockopt";
    error = set(kernel, fd, SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (error >= 0) return fd;
  kernel.close(fd);
  return explain(call, -error);
}

// The number that getsockopt(2) gives, as text; errors by name, for the same reason.
std::string option_text(Kernel& kernel, int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  int error = kernel.getsockopt(fd, level, name, &value, &size);
  return error < 0 ? strerrorname_np(-error) : std::to_string(value);
}

std::string address_text(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text,
              sizeof text);
  } else {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof text);
  }
  return text;
}

uint16_t port_of(const sockaddr_storage& storage) {
  return ntohs(storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

}  // namespace

Result<SocketAddress> parse_address(const std::string& address, uint16_t port) {
  SocketAddress result;
  auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    result.size = sizeof v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    result.size = sizeof v6;
  } else {
    return fail(EINVAL, "'" + address + "' is no IPv4 or IPv6 address: write it in numbers");
  }
  return result;
}

Result<BoundSockets> bind_port(Kernel& kernel, const config::ListenerConfig& listener,
                               const std::vector<DriverName>& members) {
  BoundSockets bound;
  bound.port = listener.port;
  Result<void> failure;
  for (DriverName member : members) {
    Result<SocketAddress> address = parse_address(listener.address, bound.port);
    if (!address) return Error(address.error());
    Result<int> fd = bind_one(kernel, listener, *address, bound.fds.empty());
    if (!fd) {
      failure = fail(fd.error().code, "driver " + member.text() + ": " + fd.error().message());
      break;
    }
    bound.fds.push_back(*fd);
    if (bound.port != 0) continue;
    sockaddr_storage chosen{};
    socklen_t size = sizeof chosen;
    int error = kernel.getsockname(*fd, reinterpret_cast<sockaddr*>(&chosen), &size);
    if (error < 0) {
      failure = explain("getsockname", -error);
      break;
    }
    bound.port = port_of(chosen);
  }
  if (failure) return bound;
  for (int fd : bound.fds) kernel.close(fd);
  return Error(failure.error());
}

Result<CanonicalConfig> read_back(Kernel& kernel, int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  int error = kernel.getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  if (error < 0) return fail(-error, std::string("getsockname failed: ") + strerrordesc_np(-error));
  CanonicalConfig config;
  config.add("address", address_text(storage));
  config.add("port", port_of(storage));
  auto add = [&](const char* name, int level, int option) {
    config.add(name, option_text(kernel, fd, level, option));
  };
  add("SO_TYPE", SOL_SOCKET, SO_TYPE);
  add("SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR);
  add("SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT);
  add("SO_RCVBUF", SOL_SOCKET, SO_RCVBUF);
  add("SO_SNDBUF", SOL_SOCKET, SO_SNDBUF);
  add("TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY);
  if (storage.ss_family == AF_INET6) add("IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY);
  return config;
}

}  // namespace gatio
