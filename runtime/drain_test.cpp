// Shutdown under load (R10), seen by clients of our own: every request that was fully received gets
// its whole answer, nobody sees a reset, and nothing stays open.
#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

// What one client thread saw until the server ended its connection.
struct Seen {
  uint64_t answers = 0;
  uint64_t bad = 0;  // a wrong answer, a part of one, or a reset
  std::string what;
};

class Drain : public EachMix {
 protected:
  ~Drain() override {
    for (std::thread& thread : threads) thread.join();
  }
  // `pipeline` requests at a time until the server closes.
  void run_clients(int count, int pipeline) {
    seen.resize(static_cast<size_t>(count));
    for (Seen& each : seen) {
      threads.emplace_back([this, &each, pipeline] {
        Client client(server.port());
        ++connected;
        while (each.bad == 0 && ask(client, each, pipeline)) {
        }
      });
    }
  }
  // False when the server has ended the connection.
  bool ask(Client& client, Seen& its, int pipeline) {
    std::string requests;
    for (int i = 0; i < pipeline; ++i) requests += get("/" + std::to_string(its.answers + i));
    if (!client.connected() || !client.send(requests)) {
      its.bad += client.error() != 0;
      its.what = "connect or send: " + std::string(strerrorname_np(client.error()));
      return false;
    }
    for (int i = 0; i < pipeline; ++i) {
      std::string expected = "/" + std::to_string(its.answers) + filler;
      Answer answer = client.read_answer();
      if (answer.end == Answer::End::closed) return false;
      if (!answer.whole() || answer.status != 200 || answer.body != expected) {
        ++its.bad;
        its.what = answer.end == Answer::End::failed ? strerrorname_np(client.error())
                                                     : answer.head + answer.body.substr(0, 100);
        return false;
      }
      ++its.answers;
      ++total;
    }
    return true;
  }
  // A listener drains its connections only after some turns and then a moment's grace; how many
  // turns its cancelled accept takes is the kernel's affair, so the moment passes more than once.
  void pass_drain_grace() {
    for (int i = 0; i < 20; ++i) server.pass_ms(5);
  }
  void expect_clean_drain(const Metrics& metrics) {
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    uint64_t answers = 0;
    for (const Seen& each : seen) {
      EXPECT_EQ(each.bad, 0u) << each.what;
      answers += each.answers;
    }
    EXPECT_EQ(metrics.requests, answers);
    EXPECT_EQ(metrics.answers, answers);
    EXPECT_EQ(metrics.cut_off, 0u);
    EXPECT_EQ(metrics.resets, 0u);
    EXPECT_FALSE(server.runtime().lifecycle().cut_off());
  }
  // Until all clients are connected, too: who comes after the shutdown is rightly refused.
  void wait_for_answers(uint64_t count) {
    while (total.load() < count || connected.load() < seen.size()) std::this_thread::yield();
  }

  std::string filler;
  std::atomic<uint64_t> total{0};
  std::atomic<size_t> connected{0};
  std::vector<Seen> seen;
  std::vector<std::thread> threads;
};
GATIO_EACH_MIX(Drain);

TEST_P(Drain, ClientsThatPipelineLoseNothing) {
  filler = std::string(500, 'f');
  server.handler = [this](const http::Request& request, http::Response& response) -> Task<void> {
    std::string text = std::string(request.target()) + filler;
    response.body(text);
    co_return;
  };
  start();
  run_clients(8, 16);
  wait_for_answers(2'000);
  expect_clean_drain(server.stop());
}

TEST_P(Drain, ClientsThatAskOneByOneLoseNothing) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    response.body(request.target());
    co_return;
  };
  start();
  run_clients(12, 1);
  wait_for_answers(1'000);
  expect_clean_drain(server.stop());
}

TEST_P(Drain, LargeAnswersAreSentToTheirEnd) {
  filler = std::string(500'000, 'f');
  server.handler = [this](const http::Request& request, http::Response& response) -> Task<void> {
    std::string text = std::string(request.target()) + filler;
    response.body(text);
    co_return;
  };
  start();
  run_clients(4, 3);
  wait_for_answers(20);
  expect_clean_drain(server.stop());
}

TEST_P(Drain, HandlersThatTakeTheirTimeAreWaitedFor) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    (void)co_await sleep_for(std::chrono::milliseconds(50));
    response.body(request.target());
  };
  start();
  run_clients(8, 2);
  wait_for_answers(8);
  expect_clean_drain(server.stop());
}

TEST_P(Drain, TheLastAnswerSaysClose) {
  std::atomic<bool> waiting{false};
  std::atomic<bool> go_on{false};
  server.handler = [&](const http::Request& request, http::Response& response) -> Task<void> {
    waiting.store(true);
    while (!go_on.load()) (void)co_await sleep_for(std::chrono::microseconds(200));
    response.body(request.target());
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/1")));
  while (!waiting.load()) std::this_thread::yield();
  ASSERT_TRUE(client.send(get("/2")));
  server.settle();
  server.request_shutdown();
  pass_drain_grace();
  go_on.store(true);
  EXPECT_EQ(client.read_answer().body, "/1");
  Answer last = client.read_answer();
  EXPECT_EQ(last.body, "/2");
  EXPECT_TRUE(last.has("Connection: close\r\n")) << last.head;
  EXPECT_TRUE(client.ends_cleanly());
  client.close();
  EXPECT_EQ(server.wait().answers, 2u);
}

// A connection on which one handler runs, one more chunk waits, and all that follows waits in its
// socket: there are so few buffers that the receive pauses after one.
class DrainOfAPausedReceive : public Drain {
 protected:
  void begin(Client& client, const std::string& chunk, const std::string& rest) {
    ASSERT_TRUE(client.send(get("/1")));
    while (!waiting.load()) std::this_thread::yield();
    ASSERT_TRUE(client.send(chunk));
    server.settle();
    ASSERT_TRUE(client.send(rest));
    server.settle();
    server.request_shutdown();
    pass_drain_grace();
    go_on.store(true);
  }
  void SetUp() override {
    Drain::SetUp();
    server.listener.buffers = {.count = 2, .size = 256};
    server.handler = [this](const http::Request& request, http::Response& response) -> Task<void> {
      waiting.store(true);
      while (!go_on.load()) (void)co_await sleep_for(std::chrono::microseconds(200));
      response.body(request.target());
    };
  }
  std::atomic<bool> waiting{false};
  std::atomic<bool> go_on{false};
};
GATIO_EACH_MIX(DrainOfAPausedReceive);

// The answer to the second said "close", and the third, in the socket, got none.
TEST_P(DrainOfAPausedReceive, BugAnAnswerSaidCloseThoughMoreRequestsHadCome) {
  start();
  Client client(server.port());
  begin(client, get("/2"), get("/3"));
  for (const char* target : {"/1", "/2", "/3"}) EXPECT_EQ(client.read_answer().body, target);
  EXPECT_TRUE(client.ends_cleanly());
  client.close();
  EXPECT_EQ(server.wait().answers, 3u);
}

// The millisecond that a receive has which is armed during a drain became the time-out of the
// request, and of a peer that reads slowly.
TEST_P(DrainOfAPausedReceive, BugALookAtTheSocketCutTheTimeOfARequestShort) {
  start();
  Client client(server.port());
  begin(client, get("/2") + "GET /3 HTTP/1.1\r\nHo", "st: te");
  for (const char* target : {"/1", "/2"}) EXPECT_EQ(client.read_answer().body, target);
  server.settle();
  pass_drain_grace();
  EXPECT_EQ(client.ask("st\r\n\r\n").body, "/3");
  EXPECT_TRUE(client.ends_cleanly());
  client.close();
  EXPECT_EQ(server.wait().cut_off, 0u);
}

TEST_P(Drain, ARequestOfWhichPartHasArrivedIsStillTaken) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    response.body(request.target());
    co_return;
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send("GET /half HTTP/1.1\r\nHo"));
  server.settle();
  server.request_shutdown();
  pass_drain_grace();
  EXPECT_EQ(client.ask("st: test\r\n\r\n").body, "/half");
  EXPECT_TRUE(client.ends_cleanly());
  client.close();
  EXPECT_EQ(server.wait().cut_off, 0u);
}

TEST_P(Drain, IdleConnectionsAreClosedWithoutAReset) {
  server.handler = [](const http::Request&, http::Response&) -> Task<void> { co_return; };
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.port());
  for (Client& client : clients) ASSERT_TRUE(client.ask(get("/")).whole());
  server.request_shutdown();
  for (Client& client : clients) EXPECT_TRUE(client.ends_cleanly());
  clients.clear();
  EXPECT_EQ(server.wait().resets, 0u);
}

// Holds up a driver just before it begins to drain: shutdown and drain are messages of the turns
// that follow each other, and this one stands between them.
struct HoldUp : Work {
  explicit HoldUp(TestServer& its_server) : Work(&begin), server(its_server) {}
  static void begin(Work* work) {
    work->run = &stand_before_the_drain;
    Driver::current()->post_to_self(*work);
    static_cast<HoldUp*>(work)->server.request_shutdown();
  }
  static void stand_before_the_drain(Work* work) {
    work->run = &hold_up;
    Driver::current()->post_to_self(*work);
  }
  static void hold_up(Work* work) {
    auto* self = static_cast<HoldUp*>(work);
    self->holding.store(true);
    while (!self->go_on.load()) std::this_thread::yield();
  }
  TestServer& server;
  std::atomic<bool> holding{false};
  std::atomic<bool> go_on{false};
};

// Whoever had connected and asked by the time that a driver noticed the shutdown was reset when the
// listening socket was closed.
TEST_P(Drain, BugRequestsInTheBacklogAreAnswered) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    response.body(request.target());
    co_return;
  };
  start();
  server.settle();
  HoldUp leader(server);
  server.driver(0).post(leader);
  while (!leader.holding.load()) std::this_thread::yield();
  // The other driver drains at once; its socket is closed before anybody connects.
  for (size_t i = 1; i < server.runtime().tpcs()[0]->drivers().size(); ++i) server.settle(i);
  constexpr int kClients = 30;
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(server.port());
    ASSERT_TRUE(clients.back().send(get("/queued")));
  }
  leader.go_on.store(true);
  for (Client& client : clients) {
    Answer answer = client.read_answer();
    EXPECT_EQ(answer.body, "/queued") << strerrorname_np(client.error());
    EXPECT_TRUE(client.ends_cleanly());
    client.close();
  }
  const Metrics& metrics = server.wait();
  EXPECT_EQ(metrics.answers, uint64_t{kClients});
  EXPECT_EQ(metrics.requests, uint64_t{kClients});
}

TEST_P(Drain, WhatTheDeadlineCutsOffIsCounted) {
  server.listener.timeouts.drain_ms = 100;
  std::atomic<int> sleeping{0};
  server.handler = [&](const http::Request&, http::Response&) -> Task<void> {
    ++sleeping;
    (void)co_await sleep_for(std::chrono::hours(1));
  };
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.port());
    ASSERT_TRUE(clients.back().send(get("/")));
  }
  while (sleeping.load() < 3) std::this_thread::yield();
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.cut_off, 3u);
  EXPECT_EQ(metrics.requests, 3u);
  EXPECT_EQ(metrics.answers, 0u);
  EXPECT_TRUE(server.runtime().lifecycle().cut_off());
}

TEST_P(Drain, AfterTheStopThePortIsFreeAndNoDescriptorIsLeft) {
  size_t before = open_descriptors();
  uint16_t port = 0;
  {
    TestServer short_lived(GetParam());
    short_lived.handler = [](const http::Request&, http::Response&) -> Task<void> { co_return; };
    ASSERT_TRUE(short_lived.start());
    port = short_lived.port();
    Client client(port);
    ASSERT_TRUE(client.ask(get("/")).whole());
    client.close();
    short_lived.stop();
  }
  EXPECT_EQ(open_descriptors(), before);
  // The kernel takes a ring down in the background (U46).
  int fd = -1;
  for (int i = 0; i < 2'000 && fd < 0; ++i) {
    fd = listen_on(port, false);
    if (fd < 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GE(fd, 0) << strerrorname_np(errno);
  ::close(fd);
}

TEST_P(Drain, AShutdownThatIsAskedForAtOnceEndsTheRun) {
  server.handler = [](const http::Request&, http::Response&) -> Task<void> { co_return; };
  server.start_tasks.push_back([this]() -> Task<void> {
    server.request_shutdown();
    co_return;
  });
  start();
  EXPECT_EQ(server.wait().requests, 0u);
}

}  // namespace
}  // namespace gatio::testing
