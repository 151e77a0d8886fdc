// What must hold of the simulated network whatever is chosen: streams arrive whole and in order,
// nothing is left behind, and the same choices give the same run.
#include "fakes/network/test_support.hpp"

namespace gatio::fakes {
namespace {

char byte_at(size_t place, size_t stream) {
  return static_cast<char>((place * 131 + (place >> 8) * 7 + stream * 17) & 0xff);
}

// One direction of a stream: writes what follows from its place, checks what it reads.
struct Flow {
  size_t stream = 0;
  size_t length = 0;
  size_t sent = 0;
  size_t received = 0;
  bool over = false;

  void write(TestNetwork& net, Socket& socket) {
    size_t most = 1 + net.choices.choose(ChoiceKind::program, 20'000);
    std::string text(std::min(most, length - sent), '\0');
    for (size_t i = 0; i < text.size(); ++i) text[i] = byte_at(sent + i, stream);
    if (text.empty()) return;
    int64_t result = send_text(socket, text);
    ASSERT_TRUE(result > 0 || result == -EAGAIN) << error_text(result);
    if (result > 0) sent += static_cast<size_t>(result);
    if (sent < length) return;
    EXPECT_EQ(socket.shutdown(SHUT_WR), 0);
  }

  void read(TestNetwork& net, Socket& socket) {
    std::string room(1 + net.choices.choose(ChoiceKind::program, 9'000), '\0');
    size_t half = room.size() / 2;
    iovec pieces[] = {{room.data(), half}, {room.data() + half, room.size() - half}};
    Received got = socket.receive(pieces, 0);
    if (got.result == -EAGAIN) return;
    ASSERT_GE(got.result, 0);
    over = got.result == 0;
    for (size_t i = 0; i < static_cast<size_t>(got.result); ++i) {
      ASSERT_EQ(room[i], byte_at(received + i, stream)) << "at byte " << received + i;
    }
    received += static_cast<size_t>(got.result);
  }
};

struct Outcome {
  uint64_t end_ns = 0;
  uint64_t choices = 0;
  size_t events = 0;
  std::vector<Choice> made;
  bool operator==(const Outcome& other) const {
    return end_ns == other.end_ns && choices == other.choices && events == other.events;
  }
};

Outcome run_streams(Choices choices) {
  NetworkOptions options;
  options.outside.bytes_per_second = 100'000'000;
  options.receive_buffer_bytes = 8'000;
  options.send_buffer_bytes = 12'000;
  options.split_one_in = 2;
  TestNetwork net(std::move(choices), options);
  Outcome outcome;
  {
    SocketPtr listener = net.listener("127.0.0.1", 80);
    std::vector<TestNetwork::Pair> pairs;
    std::vector<Flow> flows;
    for (size_t i = 0; i < 3; ++i) {
      pairs.push_back(net.pair(listener, "127.0.0.1", 80));
      flows.push_back({.stream = 2 * i, .length = 1 + 30'000 * i});
      flows.push_back({.stream = 2 * i + 1, .length = 50'000 - 20'000 * i});
    }
    for (int step = 0; step < 100'000 && !testing::Test::HasFatalFailure(); ++step) {
      bool all = true;
      for (const Flow& flow : flows) all = all && flow.over;
      if (all) break;
      size_t which = net.choices.choose(ChoiceKind::program, static_cast<uint32_t>(flows.size()));
      Flow& flow = flows[which];
      auto& [client, server] = pairs[which / 2];
      switch (net.choices.choose(ChoiceKind::program, 3)) {
        case 0:
          flow.write(net, which % 2 == 0 ? *client : *server);
          break;
        case 1:
          if (!flow.over) flow.read(net, which % 2 == 0 ? *server : *client);
          break;
        default:
          if (net.world.events.empty()) break;
          net.world.fire_next();
          ++outcome.events;
      }
    }
    for (const Flow& flow : flows) EXPECT_TRUE(flow.over && flow.received == flow.length);
  }
  net.pass(10'000'000);
  EXPECT_EQ(net.network.live_sockets(), 0u);
  EXPECT_TRUE(net.world.events.empty());
  outcome.end_ns = net.world.now_ns;
  outcome.choices = net.choices.count();
  outcome.made = net.choices.made();
  return outcome;
}

TEST(NetworkProperty, StreamsArriveWholeAndInOrderUnderAnySeed) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Outcome outcome = run_streams(Choices(seed));
    if (testing::Test::HasFailure()) return;
    EXPECT_GT(outcome.events, 50u);
  }
}

TEST(NetworkProperty, TheSameChoicesGiveTheSameRun) {
  Outcome first = run_streams(Choices(11));
  EXPECT_EQ(first, run_streams(Choices(11)));
  std::vector<uint32_t> list;
  for (const Choice& choice : first.made) list.push_back(choice.value);
  EXPECT_EQ(first, run_streams(Choices(list)));
  EXPECT_FALSE(first == run_streams(Choices(12)));
}

// Any calls in any order, with every fault: whatever they return, the end leaves nothing behind.
uint64_t run_anything(uint64_t seed) {
  TestNetwork net{Choices(seed)};
  net.world.faults = {.reset = 20, .drop_datagram = 5, .duplicate_datagram = 5};
  net.world.faults.reorder_datagram = 5;
  uint64_t hash = seed;
  auto note = [&](int64_t result) {
    hash = (hash ^ static_cast<uint64_t>(result)) * 0x100000001b3;
  };
  auto choose = [&](size_t n) {
    return net.choices.choose(ChoiceKind::program, static_cast<uint32_t>(n));
  };
  std::vector<SocketPtr> sockets;
  for (int step = 0; step < 400; ++step) {
    if (sockets.size() < 3 || choose(8) == 0) {
      Side side = choose(3) == 0 ? Side::outside : Side::inside;
      sockets.push_back(choose(4) == 0 ? net.udp(side) : net.tcp(side));
    }
    SocketPtr& socket = sockets[choose(sockets.size())];
    auto port = static_cast<uint16_t>(80 + choose(2));
    int error = 0;
    bool more = false;
    switch (choose(11)) {
      case 0:
        note(bind_to(*socket, choose(2) == 0 ? "0.0.0.0" : "127.0.0.1", port));
        break;
      case 1:
        note(socket->listen(static_cast<int>(choose(3))));
        break;
      case 2:
        note(connect_to(*socket, "127.0.0.1", port));
        break;
      case 3:
        note(send_text(*socket, std::string(1 + choose(100'000), 'x')));
        break;
      case 4:
        note(static_cast<int64_t>(receive_text(*socket, 1 + choose(50'000)).size()));
        break;
      case 5:
        note(socket->shutdown(static_cast<int>(choose(3))));
        break;
      case 6: {
        SocketPtr accepted = socket->accept(error, more);
        if (accepted != nullptr) sockets.push_back(std::move(accepted));
        note(error);
        break;
      }
      case 7:
        sockets.erase(sockets.begin() + choose(sockets.size()));
        break;
      case 8:
        note(send_text_to(*socket, "datagram", "127.0.0.1", port));
        break;
      case 9:
        note(socket->connect_error());
        break;
      default:
        if (!net.world.events.empty()) net.world.fire_next();
    }
    for (const SocketPtr& each : sockets) note(each->poll());
  }
  sockets.clear();
  while (!net.world.events.empty()) net.world.fire_next();
  EXPECT_EQ(net.network.live_sockets(), 0u);
  return hash ^ net.world.trace.hash();
}

TEST(NetworkProperty, AnythingGoesAndNothingIsLeft) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    uint64_t hash = run_anything(seed);
    if (seed % 10 == 0) {
      EXPECT_EQ(hash, run_anything(seed));
    }
  }
}

}  // namespace
}  // namespace gatio::fakes
