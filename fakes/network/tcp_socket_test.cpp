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
  EXPECT_EQ(watch.seen, kStateChanged | POLLOUT | POLLWRNORM);
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

// What follows was first written down from a real Linux 6.18, line for line.
TEST(TcpSocket, SaysWhatAnUnconnectedOneSays) {
  TestNetwork net;
  SocketPtr socket = net.tcp();
  EXPECT_EQ(poll_text(*socket), "OUT HUP");
  EXPECT_EQ(receive_text(*socket), "errno ENOTCONN");
  EXPECT_EQ(error_text(send_text(*socket, "abc")), "EPIPE");
  EXPECT_EQ(error_text(socket->shutdown(SHUT_RD)), "ENOTCONN");
  EXPECT_EQ(poll_text(*socket), "IN OUT HUP RDHUP");
  EXPECT_EQ(receive_text(*socket), "");
}

TEST(TcpSocket, AResetIsSaidOnceBehindTheBytes) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  send_text(*server, "abc");
  linger now{1, 0};
  EXPECT_EQ(server->setsockopt(SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  server.reset();
  net.pass();
  EXPECT_EQ(poll_text(*client), "IN OUT ERR HUP RDHUP");
  EXPECT_EQ(receive_text(*client), "abc");
  EXPECT_EQ(receive_text(*client), "errno ECONNRESET");
  EXPECT_EQ(receive_text(*client), "");
  EXPECT_EQ(error_text(send_text(*client, "abc")), "EPIPE");
  EXPECT_EQ(poll_text(*client), "IN OUT HUP RDHUP");
  EXPECT_EQ(error_text(client->shutdown(SHUT_WR)), "ENOTCONN");
}

TEST(TcpSocket, ASendTakesTheResetToo) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  send_text(*client, "unread");
  net.pass();
  server.reset();
  net.pass();
  EXPECT_EQ(error_text(send_text(*client, "abc")), "ECONNRESET");
  EXPECT_EQ(error_text(send_text(*client, "abc")), "EPIPE");
  EXPECT_EQ(receive_text(*client), "");
}

TEST(TcpSocket, AfterThePeersCloseTheFirstSendSucceeds) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  server.reset();
  net.pass();
  EXPECT_EQ(poll_text(*client), "IN OUT RDHUP");
  EXPECT_EQ(receive_text(*client), "");
  EXPECT_EQ(error_text(send_text(*client, "abc")), "3");
  net.pass();
  EXPECT_EQ(poll_text(*client), "IN OUT ERR HUP RDHUP");
  EXPECT_EQ(receive_text(*client), "");
  EXPECT_EQ(error_text(send_text(*client, "abc")), "EPIPE");
  EXPECT_EQ(poll_text(*client), "IN OUT HUP RDHUP");
  EXPECT_EQ(error_text(client->shutdown(SHUT_WR)), "ENOTCONN");
}

TEST(TcpSocket, ShutForReadingItStillGivesWhatComes) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  Listening watch;
  client->add(watch);
  EXPECT_EQ(client->shutdown(SHUT_RD), 0);
  EXPECT_NE(watch.seen & POLLIN, 0u) << "who waits for bytes must learn that it need not";
  EXPECT_EQ(poll_text(*client), "IN OUT RDHUP");
  EXPECT_EQ(receive_text(*client), "");
  send_text(*server, "abc");
  net.pass();
  EXPECT_EQ(receive_text(*client), "abc");
  EXPECT_EQ(receive_text(*client), "");
}

TEST(TcpSocket, HalfCloseLeavesTheOtherDirection) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  EXPECT_EQ(client->shutdown(SHUT_WR), 0);
  EXPECT_EQ(poll_text(*client), "OUT");
  EXPECT_EQ(error_text(send_text(*client, "abc")), "EPIPE");
  net.pass();
  EXPECT_EQ(poll_text(*server), "IN OUT RDHUP");
  EXPECT_EQ(receive_text(*server), "");
  EXPECT_EQ(send_text(*server, "late"), 4);
  EXPECT_EQ(server->shutdown(SHUT_WR), 0);
  net.pass();
  EXPECT_EQ(receive_text(*client), "late");
  EXPECT_EQ(poll_text(*client), "IN OUT HUP RDHUP");
  EXPECT_EQ(receive_text(*client), "");
  EXPECT_EQ(error_text(server->shutdown(SHUT_RD)), "ENOTCONN");
}

TEST(TcpSocket, ARefusedOneCanConnectAgain) {
  TestNetwork net;
  SocketPtr socket = net.client("127.0.0.1", 1, Side::inside);
  EXPECT_EQ(poll_text(*socket), "IN OUT ERR HUP RDHUP");
  EXPECT_EQ(get_int(*socket, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  EXPECT_EQ(poll_text(*socket), "IN OUT HUP RDHUP");
  EXPECT_EQ(error_text(connect_to(*socket, "127.0.0.1", 1)), "ECONNABORTED");
  EXPECT_EQ(poll_text(*socket), "OUT HUP");
  EXPECT_EQ(error_text(connect_to(*socket, "127.0.0.1", 1)), "EINPROGRESS");
  EXPECT_EQ(error_text(connect_to(*socket, "127.0.0.1", 1)), "EALREADY");
  net.pass();
  EXPECT_EQ(error_text(connect_to(*socket, "127.0.0.1", 1)), "ECONNREFUSED");
}

TEST(TcpSocket, AListenerThatIsShutAcceptsNoMore) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  SocketPtr client = net.client("127.0.0.1", 80);
  EXPECT_EQ(receive_text(*listener), "errno ENOTCONN");
  EXPECT_EQ(error_text(send_text(*listener, "abc")), "EPIPE");
  EXPECT_EQ(error_text(connect_to(*listener, "127.0.0.1", 80)), "EISCONN");
  EXPECT_EQ(listener->shutdown(SHUT_WR), 0);
  EXPECT_EQ(poll_text(*listener), "IN");
  Listening watch;
  listener->add(watch);
  EXPECT_EQ(listener->shutdown(SHUT_RD), 0);
  EXPECT_GE(watch.times, 1) << "an armed accept must learn of it";
  EXPECT_EQ(poll_text(*listener), "OUT HUP");
  int error = 0;
  bool more = false;
  EXPECT_EQ(listener->accept(error, more), nullptr);
  EXPECT_EQ(error, -EINVAL);
  net.pass();
  EXPECT_EQ(receive_text(*client), "errno ECONNRESET") << "it waited in the queue";
  EXPECT_EQ(listener->listen(5), 0);
  EXPECT_EQ(poll_text(*listener), "");
}

TEST(TcpSocket, ABacklogHasRoomForOneMoreAndThenDropsTheSyn) {
  for (int backlog : {0, 1, 2, 5}) {
    TestNetwork net;
    SocketPtr listener = net.listener("127.0.0.1", 80, backlog);
    std::vector<SocketPtr> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(net.client("127.0.0.1", 80));
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(poll_text(*clients[static_cast<size_t>(i)]), i <= backlog ? "OUT" : "");
    }
    for (int i = 0; i <= backlog; ++i) EXPECT_NE(accept_one(*listener), nullptr);
    net.pass(1'100'000'000);
    EXPECT_EQ(poll_text(*listener), "IN") << "the SYN is sent again after a second";
  }
}

TEST(TcpSocket, ConnectingToAFullBacklogEndsSomeTime) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80, 0);
  SocketPtr first = net.client("127.0.0.1", 80);
  SocketPtr second = net.client("127.0.0.1", 80);
  net.pass(100'000'000'000);
  EXPECT_EQ(second->connect_error(), -EINPROGRESS);
  net.pass(100'000'000'000);
  EXPECT_EQ(second->connect_error(), -ETIMEDOUT);
  EXPECT_TRUE(net.world.events.empty());
}

TEST(TcpSocket, AFullBacklogCanRefuse) {
  TestNetwork net(Choices(std::vector<uint32_t>{}), {.abort_on_overflow = true});
  SocketPtr listener = net.listener("127.0.0.1", 80, 0);
  SocketPtr first = net.client("127.0.0.1", 80);
  SocketPtr second = net.client("127.0.0.1", 80);
  EXPECT_EQ(second->connect_error(), -ECONNREFUSED);
}

TEST(TcpSocket, ClosingAListenerResetsItsQueueAndNotItsSiblings) {
  TestNetwork net;
  std::vector<SocketPtr> group;
  for (int i = 0; i < 2; ++i) {
    group.push_back(net.tcp());
    set_int(*group.back(), SOL_SOCKET, SO_REUSEPORT, 1);
    EXPECT_EQ(bind_to(*group.back(), "127.0.0.1", 80), 0);
    EXPECT_EQ(group.back()->listen(100), 0);
  }
  std::vector<SocketPtr> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(net.client("127.0.0.1", 80));
  group[0].reset();
  net.pass();
  int resets = 0;
  for (SocketPtr& client : clients) resets += receive_text(*client) == "errno ECONNRESET";
  EXPECT_EQ(resets, 5);
  for (int i = 0; i < 5; ++i) EXPECT_NE(accept_one(*group[1]), nullptr);
}

// The end of its handshake was once taken off the handshakes of the new period, of which there were
// none: from then on every SYN found the queue full.
TEST(TcpSocket, AHandshakeOutlivesNotTheListeningThatItBeganIn) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  SocketPtr early = net.tcp(Side::outside);
  EXPECT_EQ(connect_to(*early, "127.0.0.1", 80), -EINPROGRESS);
  net.pass(LinkOptions{}.least_delay_ns);  // its SYN has arrived, and the answer has not
  EXPECT_EQ(listener->shutdown(SHUT_RD), 0);
  EXPECT_EQ(listener->listen(1), 0);
  net.pass();
  EXPECT_EQ(receive_text(*early), "errno ECONNRESET");
  for (int i = 0; i < 2; ++i) {
    SocketPtr client = net.client("127.0.0.1", 80);
    EXPECT_EQ(client->connect_error(), 0);
    EXPECT_NE(accept_one(*listener), nullptr);
  }
}

TEST(TcpSocket, FullBuffersHoldTheSenderUntilTheReaderReads) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  std::string much(1 << 20, 'x');
  size_t sent = 0;
  for (int64_t step = 0; step >= 0; net.pass()) {
    sent += static_cast<size_t>(step);
    step = send_text(*client, much);
  }
  NetworkOptions options;
  EXPECT_EQ(sent, options.send_buffer_bytes + options.receive_buffer_bytes);
  EXPECT_EQ(poll_text(*client), "");
  Listening watch;
  client->add(watch);
  EXPECT_EQ(receive_text(*server, 100).size(), 100u);
  net.pass();
  EXPECT_EQ(watch.times, 0) << "no window for a few bytes";
  size_t received = 100;
  while (received < sent) {
    received += receive_text(*server, 10000).size();
    net.pass();
  }
  EXPECT_EQ(received, sent);
  EXPECT_EQ(watch.seen, uint32_t{POLLOUT | POLLWRNORM});
  EXPECT_EQ(poll_text(*client), "OUT");
}

TEST(TcpSocket, PeekingTakesNothing) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  send_text(*client, "abc");
  net.pass();
  EXPECT_EQ(receive_text(*server, 2, MSG_PEEK), "ab");
  EXPECT_EQ(receive_text(*server), "abc");
}

TEST(TcpSocket, TheFaultPlanResetsBothEnds) {
  TestNetwork net(Choices(std::vector<uint32_t>(64, 1)));
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  net.world.faults.reset = 1;
  EXPECT_EQ(send_text(*client, "abc"), 3);
  net.pass();
  EXPECT_EQ(receive_text(*client), "errno ECONNRESET");
  EXPECT_EQ(receive_text(*server), "errno ECONNRESET");
}

TEST(TcpSocket, BandwidthDelaysWhatIsLong) {
  NetworkOptions options;
  options.outside.bytes_per_second = 1'000'000;
  TestNetwork net(Choices(std::vector<uint32_t>{}), options);
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  send_text(*client, std::string(10'000, 'x'));
  net.pass(10'001'000);
  EXPECT_EQ(receive_text(*server), "errno EAGAIN");
  net.pass(1'000);
  EXPECT_EQ(receive_text(*server, 20'000).size(), 10'000u);
}

// A request in flight holds the file: closing the descriptor alone sends no FIN (rule U44), and the
// watch of one who is told may drop the last reference.
TEST(TcpSocket, EndsWithItsLastReferenceEvenWhileItTells) {
  TestNetwork net;
  SocketPtr listener = net.listener("127.0.0.1", 80);
  auto [client, server] = net.pair(listener, "127.0.0.1", 80);
  struct Dropping : Watch {
    void changed(uint32_t) override { held.reset(); }
    SocketPtr held;
  } request;
  request.held = server;
  server->add(request);
  server->descriptor_closed();
  server.reset();
  net.pass();
  EXPECT_EQ(receive_text(*client), "errno EAGAIN") << "no FIN yet";
  send_text(*client, "unread");
  net.pass();
  EXPECT_EQ(request.held, nullptr);
  EXPECT_EQ(receive_text(*client), "errno ECONNRESET");
}

TEST(TcpSocket, OutlivesItsNetworkOnlyToBeDestroyed) {
  SocketPtr client;
  SocketPtr server;
  {
    TestNetwork net;
    SocketPtr listener = net.listener("127.0.0.1", 80);
    auto both = net.pair(listener, "127.0.0.1", 80);
    client = both.client;
    server = both.server;
    send_text(*client, "on its way");
  }
  client.reset();
  EXPECT_EQ(server.use_count(), 1);
}

}  // namespace
}  // namespace gatio::fakes
