#include "fakes/network/test_support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <cstring>

namespace gatio::fakes {

TestAddress::TestAddress(const std::string& ip, uint16_t port) {
  Address address = Address::parse(ip);
  address.port = port;
  size = address.store(ip.find(':') == std::string::npos ? AF_INET : AF_INET6, storage);
}

TestNetwork::TestNetwork(Choices its_choices, const NetworkOptions& options)
    : choices(std::move(its_choices)), world(choices), alone(world), network(world, options) {
  world.execution = &alone;
}

SocketPtr TestNetwork::tcp(Side side, int family) {
  int error = 0;
  return network.socket(family, SOCK_STREAM, 0, side, error);
}

SocketPtr TestNetwork::udp(Side side, int family) {
  int error = 0;
  return network.socket(family, SOCK_DGRAM, 0, side, error);
}

SocketPtr TestNetwork::listener(const std::string& ip, uint16_t port, int backlog) {
  SocketPtr socket = tcp(Side::inside, ip.find(':') == std::string::npos ? AF_INET : AF_INET6);
  EXPECT_EQ(set_int(*socket, SOL_SOCKET, SO_REUSEADDR, 1), 0);
  EXPECT_EQ(bind_to(*socket, ip, port), 0);
  EXPECT_EQ(socket->listen(backlog), 0);
  return socket;
}

SocketPtr TestNetwork::client(const std::string& ip, uint16_t port, Side side) {
  SocketPtr socket = tcp(side, ip.find(':') == std::string::npos ? AF_INET : AF_INET6);
  EXPECT_EQ(connect_to(*socket, ip, port), -EINPROGRESS);
  pass();
  return socket;
}

TestNetwork::Pair TestNetwork::pair(const SocketPtr& listener, const std::string& ip,
                                    uint16_t port) {
  Pair both;
  both.client = client(ip, port);
  EXPECT_EQ(both.client->connect_error(), 0);
  both.server = accept_one(*listener);
  return both;
}

int set_int(Socket& socket, int level, int name, int value) {
  return socket.setsockopt(level, name, &value, sizeof value);
}

int get_int(Socket& socket, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  int error = socket.getsockopt(level, name, &value, &size);
  return error != 0 ? error : value;
}

int bind_to(Socket& socket, const std::string& ip, uint16_t port) {
  TestAddress address(ip, port);
  return socket.bind(address.get(), address.size);
}

int connect_to(Socket& socket, const std::string& ip, uint16_t port) {
  TestAddress address(ip, port);
  return socket.connect(address.get(), address.size);
}

std::string name_of(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  if (storage.ss_family == AF_INET) {
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

std::string name_of(Socket& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  EXPECT_EQ(socket.getsockname(reinterpret_cast<sockaddr*>(&storage), &size), 0);
  return name_of(storage);
}

uint16_t port_of(Socket& socket) {
  std::string name = name_of(socket);
  return static_cast<uint16_t>(std::stoi(name.substr(name.rfind(':') + 1)));
}

int64_t send_text(Socket& socket, std::string_view text) {
  iovec piece{const_cast<char*>(text.data()), text.size()};
  return socket.send({&piece, 1}, 0, nullptr, 0);
}

int64_t send_text_to(Socket& socket, std::string_view text, const std::string& ip, uint16_t port) {
  TestAddress address(ip, port);
  iovec piece{const_cast<char*>(text.data()), text.size()};
  return socket.send({&piece, 1}, 0, address.get(), address.size);
}

std::string receive_text(Socket& socket, size_t most, int flags) {
  std::string text(most, '\0');
  iovec piece{text.data(), text.size()};
  Received received = socket.receive({&piece, 1}, flags);
  if (received.result < 0) {
    return "errno " + error_text(received.result);
  }
  text.resize(std::min(static_cast<size_t>(received.result), most));
  return text;
}

std::string poll_text(const Socket& socket) {
  constexpr std::pair<uint32_t, const char*> kNames[] = {
      {POLLIN, "IN"}, {POLLOUT, "OUT"}, {POLLERR, "ERR"}, {POLLHUP, "HUP"}, {POLLRDHUP, "RDHUP"}};
  std::string text;
  for (auto [event, name] : kNames) {
    if ((socket.poll() & event) != 0) text += (text.empty() ? "" : " ") + std::string(name);
  }
  return text;
}

std::string error_text(int64_t result) {
  return result < 0 ? strerrorname_np(static_cast<int>(-result)) : std::to_string(result);
}

SocketPtr accept_one(Socket& listener) {
  int error = 0;
  bool more = false;
  SocketPtr socket = listener.accept(error, more);
  EXPECT_EQ(error, 0);
  return socket;
}

}  // namespace gatio::fakes
