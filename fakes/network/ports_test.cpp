// Who may be bound where, and who gets what arrives: Linux's rules for addresses and ports.
#include "fakes/network/ports.hpp"

#include <netinet/tcp.h>

#include "fakes/network/test_support.hpp"

namespace gatio::fakes {
namespace {

struct Claim {
  const char* ip;
  bool v6only = false;
  bool reuse_address = false;
  bool reuse_port = false;
  bool listens = false;
};

SocketPtr claim(TestNetwork& net, const Claim& claim, int& error) {
  bool v6 = std::string_view(claim.ip).find(':') != std::string_view::npos;
  SocketPtr socket = net.tcp(Side::inside, v6 ? AF_INET6 : AF_INET);
  if (v6) set_int(*socket, IPPROTO_IPV6, IPV6_V6ONLY, claim.v6only);
  set_int(*socket, SOL_SOCKET, SO_REUSEADDR, claim.reuse_address);
  set_int(*socket, SOL_SOCKET, SO_REUSEPORT, claim.reuse_port);
  error = bind_to(*socket, claim.ip, 8080);
  if (error == 0 && claim.listens) error = socket->listen(5);
  return socket;
}

TEST(Ports, TwoSocketsOnOnePort) {
  struct Case {
    Claim first;
    Claim second;
    bool conflict;
  };
  const Case cases[] = {
      {{"127.0.0.1"}, {"127.0.0.1"}, true},
      {{"127.0.0.1"}, {"127.0.0.2"}, false},
      {{"127.0.0.1"}, {"0.0.0.0"}, true},
      {{"0.0.0.0"}, {"127.0.0.1"}, true},
      {{"::"}, {"127.0.0.1"}, true},
      {{"::", true}, {"127.0.0.1"}, false},
      {{"127.0.0.1"}, {"::"}, true},
      {{"0.0.0.0"}, {"::"}, true},
      {{"0.0.0.0"}, {"::", true}, false},
      {{"::1"}, {"::"}, true},
      {{"::1"}, {"127.0.0.1"}, false},
      {{"::1"}, {"0.0.0.0"}, false},
      {{.ip = "127.0.0.1", .reuse_address = true}, {"127.0.0.1"}, true},
      {{.ip = "127.0.0.1", .reuse_address = true},
       {.ip = "127.0.0.1", .reuse_address = true},
       false},
      {{.ip = "127.0.0.1", .reuse_address = true, .listens = true},
       {.ip = "127.0.0.1", .reuse_address = true},
       true},
      {{.ip = "127.0.0.1", .reuse_port = true, .listens = true},
       {.ip = "127.0.0.1", .reuse_port = true, .listens = true},
       false},
      {{.ip = "0.0.0.0", .reuse_port = true, .listens = true},
       {.ip = "127.0.0.1", .reuse_port = true, .listens = true},
       false},
      {{.ip = "127.0.0.1", .reuse_port = true, .listens = true},
       {.ip = "127.0.0.1", .reuse_address = true},
       true},
  };
  for (const Case& one : cases) {
    TestNetwork net;
    int error = 0;
    SocketPtr first = claim(net, one.first, error);
    EXPECT_EQ(error, 0);
    SocketPtr second = claim(net, one.second, error);
    EXPECT_EQ(error, one.conflict ? -EADDRINUSE : 0) << one.first.ip << " " << one.second.ip;
    if (!one.conflict) continue;
    first.reset();
    EXPECT_EQ(bind_to(*second, one.second.ip, 8080), 0) << "free again";
  }
}

TEST(Ports, OnlyOneOfTwoThatReuseTheAddressListens) {
  TestNetwork net;
  int error = 0;
  SocketPtr first = claim(net, {.ip = "127.0.0.1", .reuse_address = true}, error);
  SocketPtr second = claim(net, {.ip = "127.0.0.1", .reuse_address = true}, error);
  EXPECT_EQ(error, 0);
  EXPECT_EQ(first->listen(5), 0);
  EXPECT_EQ(second->listen(5), -EADDRINUSE);
}

// As the runtime claims a port: the first without SO_REUSEPORT, which it sets once it listens; then
// siblings come in, and a second claimer does not.
TEST(Ports, APortIsClaimedByTheFirstAndSharedByItsSiblings) {
  TestNetwork net;
  int error = 0;
  SocketPtr first = claim(net, {.ip = "127.0.0.1", .reuse_address = true, .listens = true}, error);
  EXPECT_EQ(error, 0);
  EXPECT_EQ(set_int(*first, SOL_SOCKET, SO_REUSEPORT, 1), 0);
  Claim sibling{.ip = "127.0.0.1", .reuse_address = true, .reuse_port = true, .listens = true};
  SocketPtr second = claim(net, sibling, error);
  EXPECT_EQ(error, 0);
  SocketPtr other = claim(net, {.ip = "127.0.0.1", .reuse_address = true, .listens = true}, error);
  EXPECT_EQ(error, -EADDRINUSE);
  SocketPtr udp = net.udp();
  EXPECT_EQ(bind_to(*udp, "127.0.0.1", 8080), 0) << "UDP has its own ports";
  std::vector<SocketPtr> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(net.client("127.0.0.1", 8080));
  for (int i = 0; i < 4; ++i) EXPECT_NE(accept_one(*first), nullptr);
  for (int i = 0; i < 4; ++i) EXPECT_NE(accept_one(*second), nullptr);
}

TEST(Ports, AGroupIsDividedByChoice) {
  TestNetwork net(Choices(7));
  Claim shared{.ip = "127.0.0.1", .reuse_port = true, .listens = true};
  int error = 0;
  SocketPtr first = claim(net, shared, error);
  SocketPtr second = claim(net, shared, error);
  std::string order;
  for (int i = 0; i < 16; ++i) {
    SocketPtr client = net.client("127.0.0.1", 8080);
    order += poll_text(*first).empty() ? '2' : '1';
    bool more = false;
    (poll_text(*first).empty() ? second : first)->accept(error, more);
    EXPECT_EQ(error, 0);
  }
  EXPECT_NE(order.find("11"), std::string::npos) << order;
  EXPECT_NE(order.find("22"), std::string::npos) << order;
}

TEST(Ports, TheSpecificListenerGetsItBeforeTheWildcard) {
  TestNetwork net;
  SocketPtr any;
  int error = 0;
  any = claim(net, {.ip = "::", .reuse_port = true, .listens = true}, error);
  SocketPtr specific = claim(net, {.ip = "127.0.0.1", .reuse_port = true, .listens = true}, error);
  SocketPtr client = net.client("127.0.0.1", 8080);
  EXPECT_EQ(poll_text(*specific), "IN");
  EXPECT_EQ(poll_text(*any), "");
  SocketPtr mapped = net.client("127.0.0.2", 8080);
  SocketPtr server = accept_one(*any);
  EXPECT_EQ(name_of(*server), "[::ffff:127.0.0.2]:8080") << "a dual-stack socket takes IPv4 too";
  SocketPtr v6 = net.client("::1", 8080);
  EXPECT_EQ(name_of(*accept_one(*any)), "[::1]:8080");
  EXPECT_EQ(name_of(*v6), "[fd00:1::1]:" + std::to_string(port_of(*v6)));
}

TEST(Ports, V6onlyRefusesIpv4) {
  TestNetwork net;
  int error = 0;
  SocketPtr v6 = claim(net, {.ip = "::", .v6only = true, .listens = true}, error);
  EXPECT_EQ(net.client("127.0.0.1", 8080)->connect_error(), -ECONNREFUSED);
  EXPECT_EQ(net.client("::1", 8080)->connect_error(), 0);
}

TEST(Ports, NumberZeroIsAnyFreeOne) {
  TestNetwork net(Choices(3));
  std::vector<SocketPtr> sockets;
  std::vector<uint16_t> ports;
  for (int i = 0; i < 50; ++i) {
    sockets.push_back(net.listener("127.0.0.1", 0));
    ports.push_back(port_of(*sockets.back()));
    EXPECT_GE(ports.back(), Ports::kFirstEphemeral);
    EXPECT_LE(ports.back(), Ports::kLastEphemeral);
  }
  std::sort(ports.begin(), ports.end());
  EXPECT_EQ(std::unique(ports.begin(), ports.end()), ports.end());
}

TEST(Ports, ListeningUnboundBindsToAnyAddress) {
  TestNetwork net;
  SocketPtr socket = net.tcp();
  EXPECT_EQ(name_of(*socket), "0.0.0.0:0");
  EXPECT_EQ(socket->listen(5), 0);
  EXPECT_EQ(net.client("127.0.0.9", port_of(*socket))->connect_error(), 0);
}

TEST(Ports, AddressesThatCannotBeBound) {
  TestNetwork net(Choices(std::vector<uint32_t>{}),
                  {.addresses = {"10.9.8.7"}, .first_unprivileged_port = 1024});
  for (const char* ip : {"127.0.0.1", "127.200.3.4", "0.0.0.0", "10.9.8.7"}) {
    EXPECT_EQ(bind_to(*net.tcp(), ip, 2000), 0) << ip;
  }
  EXPECT_EQ(bind_to(*net.tcp(), "192.0.2.1", 2000), -EADDRNOTAVAIL);
  EXPECT_EQ(bind_to(*net.tcp(Side::inside, AF_INET6), "2001:db8::1", 2000), -EADDRNOTAVAIL);
  EXPECT_EQ(bind_to(*net.tcp(), "127.0.0.1", 80), -EACCES);
  EXPECT_EQ(bind_to(*net.tcp(), "::1", 2000), -EAFNOSUPPORT);
  TestAddress address("127.0.0.1", 3000);
  SocketPtr socket = net.tcp();
  EXPECT_EQ(socket->bind(address.get(), address.size - 1), -EINVAL);
  EXPECT_EQ(socket->bind(address.get(), address.size), 0);
  EXPECT_EQ(bind_to(*socket, "127.0.0.1", 3001), -EINVAL) << "bound already";
}

TEST(Ports, AnAcceptedConnectionKeepsThePort) {
  TestNetwork net;
  SocketPtr listener = net.tcp();
  bind_to(*listener, "127.0.0.1", 8080);
  listener->listen(5);
  auto [client, server] = net.pair(listener, "127.0.0.1", 8080);
  listener.reset();
  EXPECT_EQ(bind_to(*net.tcp(), "127.0.0.1", 8080), -EADDRINUSE);
  server.reset();
  EXPECT_EQ(bind_to(*net.tcp(), "127.0.0.1", 8080), 0);
}

TEST(Ports, ConnectionsHaveTheirOwnPortsAndNames) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  SocketPtr one = net.client("127.0.0.1", 80, Side::inside);
  SocketPtr two = net.client("127.0.0.1", 80, Side::inside);
  EXPECT_NE(port_of(*one), port_of(*two));
  SocketPtr server = accept_one(*listener);
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  EXPECT_EQ(server->getpeername(reinterpret_cast<sockaddr*>(&peer), &size), 0);
  EXPECT_EQ(name_of(peer), name_of(*one));
  EXPECT_EQ(name_of(*server), "127.0.0.1:80");
  SocketPtr bound = net.tcp();
  bind_to(*bound, "127.0.0.1", port_of(*one));
  EXPECT_EQ(name_of(*bound), "0.0.0.0:0") << "the number is taken";
}

TEST(SocketOptions, AreReadBackAsLinuxSaysThem) {
  TestNetwork net;
  SocketPtr tcp = net.tcp();
  EXPECT_EQ(get_int(*tcp, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  EXPECT_EQ(get_int(*tcp, SOL_SOCKET, SO_RCVBUF), 131072);
  EXPECT_EQ(get_int(*tcp, SOL_SOCKET, SO_SNDBUF), 16384);
  EXPECT_EQ(get_int(*tcp, SOL_SOCKET, SO_INCOMING_CPU), -1);
  struct {
    int level, name, value, read_back;
  } const cases[] = {
      {SOL_SOCKET, SO_REUSEADDR, 7, 1},        {SOL_SOCKET, SO_REUSEPORT, 7, 1},
      {SOL_SOCKET, SO_RCVBUF, 50'000, 100000}, {SOL_SOCKET, SO_SNDBUF, 50'000, 100000},
      {SOL_SOCKET, SO_RCVBUF, 1, 2304},        {SOL_SOCKET, SO_SNDBUF, 1, 4608},
      {SOL_SOCKET, SO_SNDBUF, -1, 8388608},    {IPPROTO_TCP, TCP_NODELAY, 5, 1},
  };
  for (auto [level, name, value, read_back] : cases) {
    EXPECT_EQ(set_int(*tcp, level, name, value), 0);
    EXPECT_EQ(get_int(*tcp, level, name), read_back) << level << " " << name << " " << value;
  }
  EXPECT_EQ(set_int(*tcp, IPPROTO_IPV6, IPV6_V6ONLY, 1), -ENOPROTOOPT);
  EXPECT_EQ(set_int(*tcp, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
  EXPECT_EQ(set_int(*net.udp(), IPPROTO_TCP, TCP_NODELAY, 1), -ENOPROTOOPT);
  SocketPtr v6 = net.tcp(Side::inside, AF_INET6);
  EXPECT_EQ(set_int(*v6, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
  bind_to(*v6, "::1", 80);
  EXPECT_EQ(set_int(*v6, IPPROTO_IPV6, IPV6_V6ONLY, 0), -EINVAL) << "too late";
  EXPECT_EQ(get_int(*v6, IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

TEST(SocketOptions, AreInheritedByAcceptedSockets) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  set_int(*listener, IPPROTO_TCP, TCP_NODELAY, 1);
  set_int(*listener, SOL_SOCKET, SO_RCVBUF, 5000);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  EXPECT_EQ(get_int(*server, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(get_int(*server, SOL_SOCKET, SO_RCVBUF), 10000);
  EXPECT_EQ(get_int(*listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(get_int(*server, SOL_SOCKET, SO_ACCEPTCONN), 0);
  send_text(*client, std::string(50'000, 'x'));
  net.pass();
  EXPECT_EQ(receive_text(*server, 50'000).size(), 10'000u) << "and they count";
}

TEST(Network, ErrorsOfSocket) {
  TestNetwork net;
  struct {
    int domain, type, protocol, error;
  } const cases[] = {
      {AF_UNIX, SOCK_STREAM, 0, -EAFNOSUPPORT},
      {AF_INET, 99, 0, -EINVAL},
      {AF_INET, SOCK_RAW, 0, -EPROTONOSUPPORT},
      {AF_INET, SOCK_STREAM, IPPROTO_UDP, -EPROTONOSUPPORT},
      {AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP, 0},
  };
  for (auto [domain, type, protocol, expected] : cases) {
    int error = 1;
    SocketPtr socket = net.network.socket(domain, type, protocol, Side::inside, error);
    EXPECT_EQ(error, expected);
    EXPECT_EQ(socket != nullptr, expected == 0);
  }
}

}  // namespace
}  // namespace gatio::fakes
