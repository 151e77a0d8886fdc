// Clients and limits that press on the server: resets, readers that do not read, too many
// connections, too few buffers or descriptors. Nobody else may suffer, and all of it is counted.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

uint64_t enobufs(const Metrics& metrics) {
  uint64_t sum = 0;
  for (const DriverMetrics& each : metrics.drivers) sum += each.enobufs;
  return sum;
}

class HttpPressure : public EachMix {
 protected:
  HttpPressure() {
    server.handler = [this](const http::Request& request, http::Response& response) -> Task<void> {
      if (request.target() == "/large") {
        response.body(large);
        co_return;
      }
      while (request.target() == "/wait" && !go_on.load()) {
        waiting.store(true);
        (void)co_await sleep_for(std::chrono::microseconds(200));
      }
      response.body(request.target());
    };
  }
  [[nodiscard]] static bool is_one_driver() { return std::string(GetParam()) == "1both"; }
  void wait_for_handler() {
    while (!waiting.load()) std::this_thread::yield();
    server.settle();
  }

  std::string large = std::string(8 << 20, 'l');
  std::atomic<bool> waiting{false};
  std::atomic<bool> go_on{false};
};
GATIO_EACH_MIX(HttpPressure);

TEST_P(HttpPressure, AResetInMidReplyEndsThatConnectionOnly) {
  start();
  for (int i = 0; i < 5; ++i) {
    Client client(server.port(), "127.0.0.1", 4096);
    ASSERT_TRUE(client.send(get("/large")));
    EXPECT_EQ(client.read(100).size(), 100u);
    client.reset();
    ASSERT_EQ(Client(server.port()).ask(get("/other")).body, "/other");
  }
  server.settle();
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.resets, 5u);
  EXPECT_EQ(metrics.answers, 5u);
}

TEST_P(HttpPressure, AClientThatNeverReadsIsNotReadFrom) {
  server.config().heap_mb = 32;
  large.resize(1 << 20);
  start();
  Client client(server.port(), "127.0.0.1", 4096);
  // Far more than the heap could hold the answers of: the server must stop reading.
  std::string request = get("/large", "X-Padding: " + std::string(3'000, 'p') + "\r\n");
  size_t accepted = 0;
  for (int idle_rounds = 0; idle_rounds < 20;) {
    size_t sent = client.send_some(request);
    accepted += sent;
    idle_rounds = sent == 0 ? idle_rounds + 1 : 0;
    if (sent == 0) server.settle();
    ASSERT_LT(accepted, size_t{200} << 20);
    if (sent == 0) {
      ASSERT_EQ(Client(server.port()).ask(get("/other")).body, "/other");
    }
  }
  client.close();
  EXPECT_EQ(server.stop().failed_handlers, 0u);
}

TEST_P(HttpPressure, APausedReaderGetsEverythingOnceItReads) {
  large.resize(1 << 20);
  start();
  Client client(server.port(), "127.0.0.1", 4096);
  constexpr int kCount = 12;
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(client.send(get("/large", "X-Padding: " + std::string(4'000, 'p') + "\r\n")));
  }
  server.settle();
  for (int i = 0; i < kCount; ++i) ASSERT_TRUE(client.read_answer().body == large) << i;
}

// Answers to one receive that all at once would take twice the heap: they are built as the peer
// reads.
TEST_P(HttpPressure, PipelinedLargeAnswersAllComeAndInOrder) {
  server.config().heap_mb = 4;
  server.listener.buffers = {.count = 4, .size = 8192};
  large.resize(64 << 10);
  start();
  Client client(server.port(), "127.0.0.1", 4096);
  constexpr int kCount = 64;
  std::string requests;
  for (int i = 0; i < kCount; ++i) requests += get("/large") + get("/" + std::to_string(i));
  ASSERT_TRUE(client.send(requests));
  server.settle();
  // What is put off holds no buffer.
  for (int i = 0; i < 8; ++i) ASSERT_EQ(Client(server.port()).ask(get("/other")).body, "/other");
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(client.read_answer().body == large) << i;
    ASSERT_EQ(client.read_answer().body, "/" + std::to_string(i));
  }
  ASSERT_EQ(client.ask(get("/more")).body, "/more");
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.requests, 2u * kCount + 9);
  EXPECT_EQ(metrics.answers, 2u * kCount + 9);
  EXPECT_EQ(metrics.failed_handlers, 0u);
}

TEST_P(HttpPressure, ADrainAnswersWhatWasPutOffUntilThePeerReads) {
  large.resize(1 << 20);
  start();
  Client client(server.port(), "127.0.0.1", 4096);
  constexpr int kCount = 24;  // More than the sockets take.
  std::string requests;
  for (int i = 0; i < kCount; ++i) requests += get("/large");
  ASSERT_TRUE(client.send(requests));
  client.half_close();
  server.settle();
  server.request_shutdown();
  for (int i = 0; i < kCount; ++i) {
    Answer answer = client.read_answer();
    ASSERT_TRUE(answer.body == large) << i;
    EXPECT_EQ(answer.has("Connection: close"), i + 1 == kCount) << i;
  }
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(server.wait().answers, uint64_t{kCount});
}

TEST_P(HttpPressure, APeerThatReadsNoAnswerForTheIdleTimeIsCutOff) {
  start();
  Client client(server.port(), "127.0.0.1", 4096);
  ASSERT_TRUE(client.send(get("/large")));
  EXPECT_EQ(client.read(100).size(), 100u);
  // What TCP still moves into its own buffers counts as progress, which ends by itself.
  for (int round = 0; round < 5; ++round) server.pass_ms(60'100);
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.timeouts, 1u);
  EXPECT_EQ(metrics.cut_off, 1u);
}

// Nor does it keep anybody else from being served, whatever else it has asked for.
TEST_P(HttpPressure, APeerThatNeverReadsIsCutOffAndOthersAreServedMeanwhile) {
  large.resize(1 << 20);
  start();
  Client client(server.port(), "127.0.0.1", 4096);
  std::string requests;
  for (int i = 0; i < 64; ++i) requests += get("/large");
  ASSERT_TRUE(client.send(requests));
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(Client(server.port()).ask(get("/other")).body, "/other");
    server.settle();
    server.pass_ms(60'100);
  }
  ASSERT_EQ(Client(server.port()).ask(get("/other")).body, "/other");
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.timeouts, 1u);
  EXPECT_EQ(metrics.cut_off, 1u);
  EXPECT_LT(metrics.requests, 64u);
}

// The idle time is for a peer that does not move. This one takes several times as long for its
// answer, and reads each time more than the kernel holds back before it tells of progress.
TEST_P(HttpPressure, APeerThatReadsSlowlyGetsItsWholeLargeAnswer) {
  large.assign(32 << 20, 'l');
  start();
  Client client(server.port(), "127.0.0.1", 65536);
  ASSERT_TRUE(client.send(get("/large")));
  std::string head = client.read(256);
  size_t body_start = head.find("\r\n\r\n");
  ASSERT_NE(body_start, head.npos);
  size_t left = large.size() - (head.size() - body_start - 4);
  while (left > 0) {
    std::string piece = client.read(std::min<size_t>(left, 2 << 20));
    ASSERT_FALSE(piece.empty()) << left << " bytes are missing";
    ASSERT_EQ(piece.find_first_not_of('l'), piece.npos);
    left -= piece.size();
    server.settle();
    server.pass_ms(25'000);
  }
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.answers, 1u);
  EXPECT_EQ(metrics.cut_off, 0u);
}

TEST_P(HttpPressure, AnAnswerThatFindsNoMemoryIsA500AndTheServerGoesOn) {
  server.config().heap_mb = is_one_driver() ? 1 : 2;
  start();
  for (int i = 0; i < 3; ++i) {
    Client client(server.port());
    ASSERT_EQ(client.ask(get("/large")).status, 500);
    ASSERT_EQ(client.ask(get("/after")).body, "/after");
    ASSERT_EQ(Client(server.port()).ask(get("/other")).body, "/other");
  }
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.failed_handlers, 3u);
  EXPECT_EQ(metrics.answers, 9u);
}

TEST_P(HttpPressure, ConnectionsOverTheLimitAreRefusedAndCounted) {
  server.listener.limits.connections = 4;
  start();
  std::vector<Client> clients;
  int served = 0;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back(server.port());
    served += clients.back().ask(get("/")).whole();
  }
  EXPECT_LE(served, 4);
  EXPECT_GE(served, 2);  // With two drivers each takes half of the limit, and chance the turns.
  for (Client& client : clients) client.close();
  server.settle();
  EXPECT_EQ(Client(server.port()).ask(get("/again")).body, "/again");
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.connections, static_cast<uint64_t>(served) + 1);
  EXPECT_EQ(metrics.refused, static_cast<uint64_t>(12 - served));
}

TEST_P(HttpPressure, FewBuffersServeManyConnections) {
  for (unsigned count : {1u, 2u, 8u}) {
    TestServer tight(GetParam());
    tight.listener.buffers = {.count = count, .size = 64};
    tight.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
      (void)co_await sleep_for(std::chrono::microseconds(100));
      std::string body(request.body());
      response.body(body);
    };
    Result<void> started = tight.start();
    ASSERT_TRUE(started) << started.error().message();
    std::vector<Client> clients;
    for (int i = 0; i < 40; ++i) clients.emplace_back(tight.port());
    std::string body(1'000, 'b');
    for (int round = 0; round < 3; ++round) {
      for (Client& client : clients) ASSERT_TRUE(client.send(post("/", body)));
      for (Client& client : clients) ASSERT_TRUE(client.read_answer().body == body);
    }
    clients.clear();
    const Metrics& metrics = tight.stop();
    EXPECT_EQ(metrics.answers, 120u);
    if (count == 1) {
      EXPECT_GT(enobufs(metrics), 0u);
    }
  }
}

// The one buffer that came back woke the connection that had starved for longest; when that one had
// nothing to receive, the next one in line was never woken.
TEST_P(HttpPressure, BugABufferThatAnIdleConnectionDoesNotTakeGoesToTheNextOne) {
  server.listener.buffers = {.count = 1, .size = 4096};
  start();
  Client holder(server.port());
  ASSERT_TRUE(holder.send(get("/wait")));
  wait_for_handler();
  std::vector<Client> idle;
  for (int i = 0; i < 8; ++i) idle.emplace_back(server.port());
  Client last(server.port());
  ASSERT_TRUE(last.send(get("/last")));
  server.settle();
  go_on.store(true);
  EXPECT_EQ(holder.read_answer().body, "/wait");
  EXPECT_EQ(last.read_answer().body, "/last");
  for (Client& client : idle) EXPECT_EQ(client.ask(get("/idle")).body, "/idle");
}

TEST_P(HttpPressure, AStarvedConnectionThatIsClosedLeavesTheQueue) {
  server.listener.buffers = {.count = 1, .size = 4096};
  start();
  Client holder(server.port());
  ASSERT_TRUE(holder.send(get("/wait")));
  wait_for_handler();
  for (int i = 0; i < 4; ++i) {
    Client starved(server.port());
    ASSERT_TRUE(starved.send(get("/starved")));
    server.settle();
    starved.reset();
  }
  server.settle();
  go_on.store(true);
  EXPECT_EQ(holder.read_answer().body, "/wait");
  EXPECT_EQ(holder.ask(get("/on")).body, "/on");
}

// In a child, whose limit is its own. Returns 0 when all went well.
int serve_with_few_descriptors(const char* mix) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = open_descriptors() + 64;  // Before the accept is armed, which keeps the limit.
  setrlimit(RLIMIT_NOFILE, &limit);
  TestServer server(mix);
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    response.body(request.target());
    co_return;
  };
  if (!server.start()) return 2;
  Client early(server.port());
  if (early.ask(get("/early")).status != 200) return 3;
  std::vector<int> taken;
  for (int fd = dup(1); fd >= 0; fd = dup(1)) taken.push_back(fd);
  // One for the client's end, none for the server's.
  close(taken.back());
  taken.pop_back();
  Client late(server.port());
  if (!late.connected()) return 4;
  if (!late.send(get("/late"))) return 5;
  server.settle();
  if (early.ask(get("/early")).status != 200) return 6;
  for (int fd : taken) close(fd);
  server.pass_ms(100);  // The accept is tried again.
  if (late.read_answer().body != "/late") return 7;
  late.close();
  early.close();
  return server.stop().accept_errors > 0 ? 0 : 8;
}

TEST_P(HttpPressure, WithoutDescriptorsTheServerGoesOnOnceSomeAreBack) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "UBSan looks at vtables through a pipe, for which no descriptor is left here";
#endif
#endif
  EXPECT_EQ(run_in_child([] { return serve_with_few_descriptors(GetParam()); }), 0);
}

}  // namespace
}  // namespace gatio::testing
