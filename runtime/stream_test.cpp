// Streams on real rings, with each mix of roles: what tasks send and receive, and how both end.
#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/base/prng.hpp"
#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

Task<void> echo(Stream stream) {
  while (true) {
    Result<Received> received = co_await stream.receive();
    if (!received || received->empty()) co_return;
    if (!co_await stream.send(received->bytes())) co_return;
  }
}

std::string random_bytes(uint64_t seed, size_t size) {
  Prng prng(seed);
  std::string bytes(size, '\0');
  for (char& each : bytes) each = static_cast<char>(prng.next());
  return bytes;
}

class Streams : public EachMix {
 protected:
  Streams() { server.stream = echo; }
  void wait_for(const std::atomic<int>& value, int wanted) {
    while (value.load() < wanted) std::this_thread::yield();
  }
};
GATIO_EACH_MIX(Streams);

TEST_P(Streams, EchoReturnsTheSameBytesInPiecesOfAnySize) {
  start();
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Client client(server.port());
    Prng prng(seed);
    std::string bytes = random_bytes(seed, 200'000);
    std::thread writer([&] {
      for (size_t sent = 0; sent < bytes.size();) {
        size_t piece = std::min<size_t>(1 + prng.below(9'000), bytes.size() - sent);
        if (!client.send(std::string_view(bytes).substr(sent, piece))) break;
        sent += piece;
      }
      client.half_close();
    });
    std::string back = client.read(bytes.size());
    writer.join();
    ASSERT_TRUE(back == bytes) << "seed " << seed;
    EXPECT_TRUE(client.ends_cleanly());
  }
}

TEST_P(Streams, AMebibyteGoesThroughAStreamInOneSend) {
  std::string bytes = random_bytes(7, 1 << 20);
  server.stream = [&bytes](Stream stream) -> Task<void> { (void)co_await stream.send(bytes); };
  start();
  Client client(server.port());
  EXPECT_TRUE(client.read_to_end() == bytes);
  EXPECT_EQ(client.error(), 0);
  server.end();
}

TEST_P(Streams, SendsThatAreAwaitedTogetherKeepTheirOrder) {
  server.stream = [](Stream stream) -> Task<void> {
    std::vector<std::string> parts;
    for (int i = 0; i < 50; ++i) parts.push_back(std::string(2'000, static_cast<char>('0' + i)));
    auto send = [](Stream& its_stream, const std::string& part) -> Task<void> {
      (void)co_await its_stream.send(part);
    };
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (const std::string& part : parts) {
        (void)scope.spawn_on(*Driver::current(), [&] { return send(stream, part); });
      }
      co_return;
    });
  };
  start();
  Client client(server.port());
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += std::string(2'000, static_cast<char>('0' + i));
  EXPECT_TRUE(client.read_to_end() == expected);
  server.end();
}

TEST_P(Streams, ASecondReceiveIsBusy) {
  std::atomic<int> second_error{-1};
  server.stream = [&](Stream stream) -> Task<void> {
    auto receive = [](Stream& its_stream) -> Task<Result<Received>> {
      co_return co_await its_stream.receive();
    };
    auto [first, second] = co_await when_all(receive(stream), receive(stream));
    second_error.store(second ? 0 : second.error().code);
    if (first) (void)co_await stream.send(first->bytes());
  };
  start();
  Client client(server.port());
  server.settle();
  ASSERT_TRUE(client.send("one"));
  EXPECT_EQ(client.read_to_end(), "one");
  EXPECT_EQ(second_error.load(), EBUSY);
  server.end();
}

TEST_P(Streams, AReceiveIsCancelledByADeadlineAndTheStreamGoesOn) {
  server.stream = [](Stream stream) -> Task<void> {
    auto receive = [](Stream& its_stream) -> Task<Result<Received>> {
      co_return co_await its_stream.receive();
    };
    auto first = co_await with_deadline(std::chrono::milliseconds(1), receive(stream));
    if (first || first.error().code != ETIMEDOUT) co_return;
    (void)co_await stream.send("timed out\n");
    Result<Received> second = co_await stream.receive();
    if (second) (void)co_await stream.send(second->bytes());
  };
  start();
  Client client(server.port());
  EXPECT_EQ(client.read(10), "timed out\n");
  ASSERT_TRUE(client.send("later"));
  EXPECT_EQ(client.read_to_end(), "later");
}

// A drain waited for streams whose tasks waited for it: one idle client made each shutdown last
// until the deadline, and be reported as cut off.
TEST_P(Streams, BugADrainCancelsReceivesInsteadOfWaitingForThem) {
  std::atomic<int> receive_error{-1};
  std::atomic<int> serving{0};
  server.stream = [&](Stream stream) -> Task<void> {
    ++serving;
    Result<Received> received = co_await stream.receive();
    receive_error.store(received ? 0 : received.error().code);
    (void)co_await stream.send("good bye");
  };
  server.listener.timeouts.drain_ms = 60'000;
  start();
  Client client(server.port());
  wait_for(serving, 1);
  server.settle();
  server.request_shutdown();
  EXPECT_EQ(client.read_to_end(), "good bye");
  client.close();
  EXPECT_EQ(server.wait().cut_off, 0u);
  EXPECT_EQ(receive_error.load(), ECANCELED);
  EXPECT_FALSE(server.runtime().lifecycle().cut_off());
}

TEST_P(Streams, AnIdleStreamIsCutOffAfterItsTime) {
  std::atomic<int> receive_error{-1};
  server.stream = [&](Stream stream) -> Task<void> {
    Result<Received> received = co_await stream.receive();
    receive_error.store(received ? 0 : received.error().code);
  };
  start();
  Client client(server.port());
  server.settle();
  server.pass_ms(60'100);
  wait_for(receive_error, 0);
  EXPECT_EQ(receive_error.load(), ECONNRESET);
  EXPECT_EQ(server.stop().timeouts, 1u);
}

TEST_P(Streams, AResetReachesTheReceiver) {
  std::atomic<int> receive_error{-1};
  server.stream = [&](Stream stream) -> Task<void> {
    Result<Received> received = co_await stream.receive();
    receive_error.store(received ? 0 : received.error().code);
    EXPECT_FALSE(co_await stream.send("into the void"));
  };
  start();
  Client client(server.port());
  server.settle();
  client.reset();
  wait_for(receive_error, 0);
  EXPECT_EQ(receive_error.load(), ECONNRESET);
  EXPECT_EQ(server.stop().resets, 1u);
}

TEST_P(Streams, ReceivedBytesOutliveTheirStream) {
  std::atomic<int> checked{0};
  server.stream = [&](Stream stream) -> Task<void> {
    Result<Received> received = co_await stream.receive();
    { Stream gone = std::move(stream); }
    (void)co_await sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(received && received->text() == "keep me");
    ++checked;
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send("keep me"));
  EXPECT_TRUE(client.ends_cleanly());
  client.close();
  wait_for(checked, 1);
  server.end();
}

TEST_P(Streams, ReceivedBytesMayMoveToAnotherDriver) {
  server.listener.buffers = {.count = 2, .size = 4096};  // One that is not given back is missed.
  server.stream = [&](Stream stream) -> Task<void> {
    while (true) {
      Result<Received> received = co_await stream.receive();
      if (!received || received->empty()) co_return;
      (void)co_await hop_to(server.last_executing_driver());
      std::string text(received->text());
      received = Received();
      if (!co_await stream.send(text)) co_return;
    }
  };
  start();
  Client client(server.port());
  for (int i = 0; i < 100; ++i) {
    std::string text = "message " + std::to_string(i);
    ASSERT_TRUE(client.send(text));
    ASSERT_EQ(client.read(text.size()), text);
  }
  server.end();
}

TEST_P(Streams, AStreamMayBeDroppedWhileItsPeerSends) {
  server.stream = [](Stream stream) -> Task<void> {
    (void)co_await stream.receive();
    (void)co_await stream.send("enough");
  };
  start();
  for (int i = 0; i < 10; ++i) {
    Client client(server.port());
    std::string bytes(300'000, 'x');
    ASSERT_TRUE(client.send(bytes));  // The rest is read and thrown away, not answered by a reset.
    client.half_close();
    EXPECT_EQ(client.read_to_end(), "enough");
    EXPECT_EQ(client.error(), 0);
  }
}

TEST_P(Streams, AStreamThatIsNeverReadHoldsItsPeerBack) {
  std::atomic<bool> go_on{false};
  std::atomic<uint64_t> received_bytes{0};
  server.stream = [&](Stream stream) -> Task<void> {
    while (!go_on.load()) (void)co_await sleep_for(std::chrono::microseconds(200));
    while (true) {
      Result<Received> received = co_await stream.receive();
      if (!received || received->empty()) co_return;
      received_bytes += received->bytes().size();
    }
  };
  start();
  Client client(server.port());
  std::string bytes(65'536, 'x');
  uint64_t sent = 0;
  for (int idle_rounds = 0; idle_rounds < 20;) {
    size_t now = client.send_some(bytes);
    sent += now;
    idle_rounds = now == 0 ? idle_rounds + 1 : 0;
    if (now == 0) server.settle();
    ASSERT_LT(sent, uint64_t{200} << 20);
  }
  go_on.store(true);
  client.half_close();
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(received_bytes.load(), sent);
  server.end();
}

TEST_P(Streams, ATaskMayConnectToItsOwnRuntime) {
  std::atomic<int> rounds{0};
  std::atomic<bool> is_equal{true};
  server.start_tasks.push_back([&]() -> Task<void> {
    Result<Stream> stream = co_await connect("127.0.0.1", server.port());
    if (!stream) co_return;
    for (int i = 0; i < 20; ++i) {
      std::string text = random_bytes(static_cast<uint64_t>(i), 1 + static_cast<size_t>(i) * 7);
      if (!co_await stream->send(text)) co_return;
      std::string back;
      while (back.size() < text.size()) {
        Result<Received> received = co_await stream->receive();
        if (!received || received->empty()) co_return;
        back += received->text();
      }
      if (back != text) is_equal.store(false);
      ++rounds;
    }
  });
  start();
  wait_for(rounds, 20);
  EXPECT_TRUE(is_equal.load());
  server.stop();
  EXPECT_FALSE(server.runtime().lifecycle().cut_off());
}

TEST_P(Streams, ConnectReportsARefusal) {
  int unused = listen_on(0, false);
  ASSERT_GE(unused, 0);
  uint16_t port = port_of(unused);
  ::close(unused);
  std::atomic<int> error{-1};
  std::atomic<int> wrong_error{-1};
  server.start_tasks.push_back([&]() -> Task<void> {
    Result<Stream> no_address = co_await connect("localhost", port);
    wrong_error.store(no_address ? 0 : no_address.error().code);
    Result<Stream> stream = co_await connect("127.0.0.1", port);
    error.store(stream ? 0 : stream.error().code);
  });
  start();
  wait_for(error, 0);
  EXPECT_EQ(error.load(), ECONNREFUSED);
  EXPECT_EQ(wrong_error.load(), EINVAL);
  server.end();
}

// A task with an idle outgoing stream kept every drain waiting until its deadline.
TEST_P(Streams, BugAnIdleOutgoingStreamDoesNotHoldUpADrain) {
  int peer = listen_on(0, false);
  ASSERT_GE(peer, 0);
  std::atomic<int> connected{0};
  server.start_tasks.push_back([&]() -> Task<void> {
    Result<Stream> stream = co_await connect("127.0.0.1", port_of(peer));
    if (!stream) co_return;
    ++connected;
    (void)co_await stream->receive();
  });
  server.listener.timeouts.drain_ms = 60'000;
  start();
  wait_for(connected, 1);
  server.settle();
  server.stop();
  EXPECT_FALSE(server.runtime().lifecycle().cut_off());
  ::close(peer);
}

}  // namespace
}  // namespace gatio::testing
