// What handlers may do while they answer over the wire: sleep, hop, throw, take their time.
#include <gtest/gtest.h>

#include <stdexcept>

#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

using HttpHandlers = EachMix;
GATIO_EACH_MIX(HttpHandlers);

TEST_P(HttpHandlers, AHandlerThatWaitsHoldsUpNobodyElse) {
  std::atomic<bool> go_on{false};
  server.handler = [&](const http::Request& request, http::Response& response) -> Task<void> {
    while (request.target() == "/wait" && !go_on.load())
      (void)co_await sleep_for(std::chrono::microseconds(200));
    response.body(request.target());
  };
  start();
  Client waiting(server.port());
  ASSERT_TRUE(waiting.send(get("/wait")));
  for (int i = 0; i < 20; ++i) {
    Client other(server.port());
    ASSERT_EQ(other.ask(get("/other")).body, "/other");
  }
  go_on.store(true);
  EXPECT_EQ(waiting.read_answer().body, "/wait");
  server.end();
}

TEST_P(HttpHandlers, AHandlerMayHopToAnotherDriverAndAnswerThere) {
  std::atomic<int> arrived_elsewhere{0};
  server.handler = [&](const http::Request& request, http::Response& response) -> Task<void> {
    Driver& target = server.last_executing_driver();
    Result<void> hopped = co_await hop_to(target);
    if (hopped && Driver::current() == &target) ++arrived_elsewhere;
    std::string text(request.target());  // Still good on the other driver.
    response.body(text);
  };
  start();
  for (int i = 0; i < 20; ++i) {
    Client client(server.port());
    ASSERT_TRUE(client.send(get("/a") + get("/b")));
    ASSERT_EQ(client.read_answer().body, "/a");
    ASSERT_EQ(client.read_answer().body, "/b");
  }
  EXPECT_EQ(arrived_elsewhere.load(), 40);
  EXPECT_EQ(server.stop().answers, 40u);
}

TEST_P(HttpHandlers, AHandlerThatThrowsIsA500AndTheConnectionGoesOn) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    response.body("never seen");
    if (request.target() == "/before") throw std::runtime_error("before any wait");
    (void)co_await yield();
    if (request.target() == "/after") throw std::runtime_error("after a wait");
    response.body("fine");
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/before") + get("/after") + get("/fine")));
  EXPECT_EQ(client.read_answer().status, 500);
  EXPECT_EQ(client.read_answer().status, 500);
  EXPECT_EQ(client.read_answer().body, "fine");
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.failed_handlers, 2u);
  EXPECT_EQ(metrics.answers, 3u);
  EXPECT_EQ(metrics.uncaught, 0u);
}

TEST_P(HttpHandlers, AHandlerThatIsNoCoroutineMayThrowToo) {
  server.handler = [](const http::Request&, http::Response&) -> Task<void> {
    throw std::runtime_error("at once");
  };
  start();
  Client client(server.port());
  EXPECT_EQ(client.ask(get("/")).status, 500);
  EXPECT_EQ(client.ask(get("/")).status, 500);
}

TEST_P(HttpHandlers, AHandlerIsAskedToStopWhenItsClientIsGone) {
  std::atomic<bool> sleeping{false};
  std::atomic<int> woken_by{-1};
  server.handler = [&](const http::Request&, http::Response&) -> Task<void> {
    sleeping.store(true);
    Result<void> slept = co_await sleep_for(std::chrono::hours(1));
    woken_by.store(slept ? 0 : slept.error().code);
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/")));
  while (!sleeping.load()) std::this_thread::yield();
  server.settle();
  client.reset();
  while (woken_by.load() < 0) std::this_thread::yield();
  EXPECT_EQ(woken_by.load(), ECANCELED);
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.resets, 1u);
  EXPECT_EQ(metrics.cut_off, 0u);
}

TEST_P(HttpHandlers, AHandlerThatComputesForLongLosesNoRequest) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    Driver::current()->kernel().spend(300'000);
    response.body(request.target());
    co_return;
  };
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 16; ++i) clients.emplace_back(server.port());
  for (int round = 0; round < 4; ++round) {
    for (Client& client : clients) ASSERT_TRUE(client.send(get("/x")));
    for (Client& client : clients) ASSERT_EQ(client.read_answer().body, "/x");
  }
}

TEST_P(HttpHandlers, AHandlerMayAskAnotherServer) {
  server.handler = [this](const http::Request& request, http::Response& response) -> Task<void> {
    if (request.target() == "/inner") {
      response.body("from inside");
      co_return;
    }
    Result<Stream> inner = co_await connect("127.0.0.1", server.port());
    if (!inner) {
      response.status(502);
      co_return;
    }
    std::string asked = get("/inner");
    (void)co_await inner->send(asked);
    Result<Received> answer = co_await inner->receive();
    if (answer) response.body(answer->text());
  };
  start();
  Client client(server.port());
  for (int i = 0; i < 10; ++i) {
    Answer answer = client.ask(get("/outer"));
    ASSERT_EQ(answer.status, 200);
    ASSERT_NE(answer.body.find("from inside"), answer.body.npos) << answer.body;
  }
}

}  // namespace
}  // namespace gatio::testing
