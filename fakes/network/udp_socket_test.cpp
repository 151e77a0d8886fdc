// UDP of the simulated network behaves as Linux's does, seen through the calls of a socket.
#include "fakes/network/udp_socket.hpp"

#include "fakes/network/test_support.hpp"

namespace gatio::fakes {
namespace {

SocketPtr server_at(TestNetwork& net, uint16_t port) {
  SocketPtr socket = net.udp();
  EXPECT_EQ(bind_to(*socket, "127.0.0.1", port), 0);
  return socket;
}

TEST(UdpSocket, KeepsDatagramsApartAndSaysWhoSentThem) {
  TestNetwork net;
  SocketPtr server = server_at(net, 53);
  SocketPtr client = net.udp(Side::outside);
  EXPECT_EQ(receive_text(*server), "errno EAGAIN");
  EXPECT_EQ(send_text_to(*client, "one", "127.0.0.1", 53), 3);
  EXPECT_EQ(send_text_to(*client, "", "127.0.0.1", 53), 0);
  EXPECT_EQ(send_text_to(*client, "three", "127.0.0.1", 53), 5);
  EXPECT_EQ(poll_text(*server), "OUT") << "it takes time";
  net.pass();
  EXPECT_EQ(poll_text(*server), "IN OUT");
  char room[100];
  iovec piece{room, sizeof room};
  Received got = server->receive({&piece, 1}, 0);
  EXPECT_EQ(got.result, 3);
  EXPECT_EQ(name_of(got.from), "10.1.0.1:" + std::to_string(port_of(*client)));
  EXPECT_TRUE(got.more);
  EXPECT_EQ(server->receive({&piece, 1}, 0).result, 0) << "a datagram without bytes is one";
  iovec small{room, 2};
  got = server->receive({&small, 1}, MSG_PEEK);
  EXPECT_EQ(got.result, 2);
  EXPECT_TRUE(got.truncated);
  got = server->receive({&small, 1}, MSG_TRUNC);
  EXPECT_EQ(got.result, 5) << "the whole length, when asked for";
  EXPECT_TRUE(got.truncated);
  EXPECT_EQ(receive_text(*server), "errno EAGAIN") << "the rest of it is gone";
  EXPECT_EQ(server->send({&piece, 1}, 0, reinterpret_cast<sockaddr*>(&got.from), got.from_size),
            100);
  net.pass();
  EXPECT_EQ(receive_text(*client).size(), 100u);
}

TEST(UdpSocket, ConnectedItHearsItsPeerOnly) {
  TestNetwork net;
  SocketPtr server = server_at(net, 53);
  SocketPtr other = server_at(net, 54);
  SocketPtr client = net.udp();
  EXPECT_EQ(connect_to(*client, "127.0.0.1", 53), 0);
  uint16_t port = port_of(*client);
  EXPECT_EQ(send_text(*client, "ask"), 3);
  EXPECT_EQ(send_text_to(*other, "lie", "127.0.0.1", port), 3);
  EXPECT_EQ(send_text_to(*server, "answer", "127.0.0.1", port), 6);
  net.pass();
  EXPECT_EQ(receive_text(*server), "ask");
  EXPECT_EQ(receive_text(*client), "answer");
  EXPECT_EQ(receive_text(*client), "errno EAGAIN");
}

TEST(UdpSocket, ConnectedItLearnsThatNobodyIsThere) {
  TestNetwork net;
  SocketPtr client = net.udp();
  EXPECT_EQ(connect_to(*client, "127.0.0.1", 1), 0);
  EXPECT_EQ(send_text(*client, "abc"), 3);
  net.pass();
  EXPECT_EQ(poll_text(*client), "OUT ERR");
  EXPECT_EQ(error_text(send_text(*client, "abc")), "ECONNREFUSED");
  EXPECT_EQ(receive_text(*client), "errno EAGAIN");
  SocketPtr unconnected = net.udp();
  EXPECT_EQ(send_text_to(*unconnected, "abc", "127.0.0.1", 1), 3);
  net.pass();
  EXPECT_EQ(poll_text(*unconnected), "OUT");
}

TEST(UdpSocket, RefusesWhatLinuxRefuses) {
  TestNetwork net;
  SocketPtr socket = net.udp();
  EXPECT_EQ(error_text(send_text(*socket, "abc")), "EDESTADDRREQ");
  EXPECT_EQ(error_text(send_text_to(*socket, "abc", "127.0.0.1", 0)), "EINVAL");
  EXPECT_EQ(error_text(send_text_to(*socket, std::string(65508, 'x'), "127.0.0.1", 53)),
            "EMSGSIZE");
  EXPECT_EQ(error_text(send_text_to(*socket, "abc", "192.0.2.1", 53)), "ENETUNREACH");
  EXPECT_EQ(socket->listen(1), -EOPNOTSUPP);
  EXPECT_EQ(error_text(socket->shutdown(SHUT_RD)), "ENOTCONN");
  EXPECT_EQ(poll_text(*socket), "IN OUT RDHUP") << "and yet it is shut";
  connect_to(*socket, "127.0.0.1", 53);
  EXPECT_EQ(socket->shutdown(SHUT_RDWR), 0);
  EXPECT_EQ(poll_text(*socket), "IN OUT HUP RDHUP");
  EXPECT_EQ(error_text(send_text(*socket, "abc")), "EPIPE");
}

TEST(UdpSocket, DropsWhatHasNoRoom) {
  TestNetwork net;
  SocketPtr server = server_at(net, 53);
  set_int(*server, SOL_SOCKET, SO_RCVBUF, 5'000);
  SocketPtr client = net.udp();
  for (int i = 0; i < 100; ++i) send_text_to(*client, std::string(232, 'x'), "127.0.0.1", 53);
  net.pass();
  int received = 0;
  while (receive_text(*server).size() == 232) ++received;
  EXPECT_EQ(received, 11) << "10 000 bytes, 1000 each, and one more";
  send_text_to(*client, "again", "127.0.0.1", 53);
  net.pass();
  EXPECT_EQ(receive_text(*server), "again");
}

TEST(UdpSocket, AFullSendBufferEmptiesByItself) {
  TestNetwork net;
  SocketPtr server = server_at(net, 53);
  SocketPtr client = net.udp();
  set_int(*client, SOL_SOCKET, SO_SNDBUF, 5'000);
  while (send_text_to(*client, "abc", "127.0.0.1", 53) == 3) continue;
  EXPECT_EQ(poll_text(*client), "");
  Listening watch;
  client->add(watch);
  net.pass();
  EXPECT_NE(watch.seen & POLLOUT, 0u);
  EXPECT_EQ(poll_text(*client), "OUT");
}

// The plan's faults, each alone and always.
TEST(UdpSocket, TheFaultPlanLosesDoublesAndReorders) {
  auto run = [](uint32_t FaultPlan::*fault, std::vector<uint32_t> choices) {
    TestNetwork net{Choices(std::move(choices))};
    net.world.faults.*fault = 1;
    SocketPtr server = server_at(net, 53);
    SocketPtr client = net.udp();
    EXPECT_EQ(bind_to(*client, "127.0.0.1", 99), 0);
    send_text_to(*client, "a", "127.0.0.1", 53);
    send_text_to(*client, "b", "127.0.0.1", 53);
    net.pass();
    std::string all;
    for (int i = 0; i < 4; ++i) {
      std::string text = receive_text(*server);
      if (text.size() == 1) all += text;
    }
    return all;
  };
  // Each datagram: its delay, then whether the fault strikes.
  EXPECT_EQ(run(&FaultPlan::drop_datagram, {0, 1}), "b");
  EXPECT_EQ(run(&FaultPlan::reorder_datagram, {0, 1}), "ba");
  EXPECT_EQ(run(&FaultPlan::duplicate_datagram, {0, 1}), "aab");
  EXPECT_EQ(run(&FaultPlan::drop_datagram, {}), "ab");
}

TEST(UdpSocket, AFlowStaysOnOneSocketOfItsGroup) {
  TestNetwork net(Choices(5));
  std::vector<SocketPtr> group;
  for (int i = 0; i < 3; ++i) {
    group.push_back(net.udp());
    set_int(*group.back(), SOL_SOCKET, SO_REUSEPORT, 1);
    EXPECT_EQ(bind_to(*group.back(), "127.0.0.1", 53), 0);
  }
  int used = 0;
  for (int flow = 0; flow < 20; ++flow) {
    SocketPtr client = net.udp();
    for (int i = 0; i < 5; ++i) send_text_to(*client, "x", "127.0.0.1", 53);
    net.pass();
    int sockets = 0;
    for (size_t i = 0; i < group.size(); ++i) {
      int count = 0;
      while (receive_text(*group[i]) == "x") ++count;
      sockets += count > 0;
      used |= count > 0 ? 1 << i : 0;
    }
    EXPECT_EQ(sockets, 1);
  }
  EXPECT_EQ(used, 7) << "and each gets some";
}

TEST(UdpSocket, ItsNetworkMayEndFirst) {
  SocketPtr server;
  {
    TestNetwork net;
    server = server_at(net, 53);
    SocketPtr client = net.udp();
    send_text_to(*client, "queued", "127.0.0.1", 53);
    net.pass();
    send_text_to(*client, "on its way", "127.0.0.1", 53);
  }
  EXPECT_EQ(server.use_count(), 1);
}

}  // namespace
}  // namespace gatio::fakes
