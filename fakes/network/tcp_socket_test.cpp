// TCP of the simulated network behaves as Linux's does, seen through the calls of a socket.
#include "fakes/network/tcp_socket.hpp"

#include "fakes/network/test_support.hpp"

namespace gatio::fakes {
namespace {

TEST(TcpSocket, ConnectsAndCarriesBytesBothWays) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  SocketPtr client = net.tcp(Side::outside);
  uint64_t start_ns = net.world.now_ns;
  EXPECT_EQ(connect_to(*client, "127.0.0.1", 80), -EINPROGRESS);
  EXPECT_EQ(client->poll(), 0u);
  EXPECT_EQ(client->connect_error(), -EINPROGRESS);
  Listening watch;
  client->add(watch);
  while (watch.times == 0) net.world.fire_next();
  EXPECT_EQ(net.world.now_ns - start_ns, 2 * LinkOptions{}.least_delay_ns);
  EXPECT_EQ(watch.seen, uint32_t{POLLOUT | POLLWRNORM});
  EXPECT_EQ(client->connect_error(), 0);
  EXPECT_EQ(listener->poll(), 0u) << "the server knows only when the client's ACK is there";
  net.pass();
  EXPECT_EQ(listener->poll(), uint32_t{POLLIN | POLLRDNORM});
  SocketPtr server = accept_one(*listener);
  EXPECT_EQ(listener->poll(), 0u);
  EXPECT_EQ(receive_text(*server), "errno EAGAIN");
  EXPECT_EQ(send_text(*client, "hello"), 5);
  EXPECT_EQ(receive_text(*server), "errno EAGAIN") << "it takes time";
  net.pass();
  EXPECT_EQ(receive_text(*server, 3), "hel");
  EXPECT_EQ(receive_text(*server), "lo");
  EXPECT_EQ(send_text(*server, "world"), 5);
  net.pass();
  EXPECT_EQ(receive_text(*client), "world");
}

TEST(TcpSocket, ClosingEndsTheStreamBehindItsBytes) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  send_text(*client, "bye");
  client.reset();
  net.pass();
  EXPECT_EQ(receive_text(*server), "bye");
  EXPECT_EQ(receive_text(*server), "");
  EXPECT_EQ(receive_text(*server), "");
  server.reset();
  listener.reset();
  net.pass();
  EXPECT_EQ(net.network.live_sockets(), 0u);
  EXPECT_TRUE(net.world.events.empty());
}

}  // namespace
}  // namespace gatio::fakes
