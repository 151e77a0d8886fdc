// HTTP over the wire: what a bad or slow client gets, with each mix of roles, while the server goes
// on.
#include <gtest/gtest.h>

#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

class HttpRefusal : public EachMix {
 protected:
  HttpRefusal() {
    server.listener.limits = {.connections = 100, .header_bytes = 16'384, .body_bytes = 1000};
    server.listener.timeouts = {.header_ms = 5'000, .idle_ms = 60'000, .drain_ms = 10'000};
    server.handler = [this](const http::Request& request, http::Response& response) -> Task<void> {
      if (request.target() == "/wait") {
        waiting.store(true);
        while (!go_on.load()) (void)co_await sleep_for(std::chrono::microseconds(200));
      }
      response.body(request.target());
    };
  }
  void expect_refusal(std::string_view request, int status) {
    Client client(server.port());
    ASSERT_TRUE(client.send(request));
    Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, status) << request.substr(0, 60);
    EXPECT_TRUE(answer.has("Connection: close\r\n")) << answer.head;
    EXPECT_TRUE(client.ends_cleanly());
    EXPECT_EQ(Client(server.port()).ask(get("/good")).body, "/good");
  }

  std::atomic<bool> waiting{false};
  std::atomic<bool> go_on{false};
};
GATIO_EACH_MIX(HttpRefusal);

TEST_P(HttpRefusal, EachBadRequestGetsItsStatusAndAClose) {
  start();
  expect_refusal("\x16\x03\x01 what is this\r\n\r\n", 400);
  expect_refusal("GET / HTTP/1.1\r\n\r\n", 400);
  expect_refusal("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", 400);
  expect_refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413);
  expect_refusal(get("/" + std::string(9'000, 'u')), 414);
  expect_refusal(get("/", "X: " + std::string(20'000, 'h') + "\r\n"), 431);
  expect_refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501);
  expect_refusal("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.bad_requests, 8u);
  EXPECT_EQ(metrics.answers, 8u);  // those of the good requests
}

TEST_P(HttpRefusal, AnUploadOverTheLimitIsRefusedAndTheAnswerArrives) {
  start();
  // The client sends all of it before it reads: the answer must survive the unread rest.
  expect_refusal(post("/", std::string(200'000, 'b')), 413);
}

TEST_P(HttpRefusal, TheRequestsBeforeABadOneAreAnswered) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/1") + get("/2") + "rubbish\r\n\r\n" + get("/3")));
  EXPECT_EQ(client.read_answer().body, "/1");
  EXPECT_EQ(client.read_answer().body, "/2");
  EXPECT_EQ(client.read_answer().status, 400);
  EXPECT_TRUE(client.ends_cleanly());
}

TEST_P(HttpRefusal, AHeaderThatDoesNotEndTimesOut) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHos"));
  server.settle();
  server.pass_ms(5'100);
  EXPECT_EQ(client.read_answer().status, 408);
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(server.stop().timeouts, 1u);
}

TEST_P(HttpRefusal, ABodyThatDoesNotGoOnTimesOut) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf"));
  server.settle();
  server.pass_ms(60'100);
  EXPECT_EQ(client.read_answer().status, 408);
}

// The header time-out also limited the body, so that no upload could take longer than five seconds.
TEST_P(HttpRefusal, BugABodyThatGoesOnSlowlyIsReceived) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n"));
  for (char byte : {'s', 'l', 'o', 'w'}) {
    server.settle();
    server.pass_ms(6'000);
    ASSERT_TRUE(client.send(std::string(1, byte)));
  }
  EXPECT_EQ(client.read_answer().status, 200);
}

// The clock was read before the driver slept, so the deadline of a connection that ended the sleep
// had passed.
TEST_P(HttpRefusal, BugTheFirstConnectionAfterAQuietTimeIsServed) {
  start();
  server.settle();
  for (int i = 0; i < 3; ++i) {
    server.advance_unnoticed_ms(70'000);
    Client client(server.port());
    EXPECT_EQ(client.ask(get("/other")).body, "/other");
  }
}

TEST_P(HttpRefusal, BytesThatTrickleInDoNotMoveTheHeaderTimeout) {
  start();
  Client client(server.port());
  for (char each : std::string("GET / ")) {
    ASSERT_TRUE(client.send(std::string_view(&each, 1)));
    server.settle();
    server.pass_ms(1'000);
  }
  EXPECT_EQ(client.read_answer().status, 408);
}

TEST_P(HttpRefusal, AClientThatAsksNothingMoreIsClosed) {
  start();
  Client client(server.port());
  EXPECT_EQ(client.ask(get("/1")).body, "/1");
  server.settle();
  server.pass_ms(59'000);
  EXPECT_EQ(client.ask(get("/2")).body, "/2");
  server.settle();
  server.pass_ms(60'100);
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(server.stop().timeouts, 1u);
}

TEST_P(HttpRefusal, AClientThatNeverAsksIsClosed) {
  start();
  Client client(server.port());
  server.settle();
  server.pass_ms(60'100);
  EXPECT_TRUE(client.ends_cleanly());
}

TEST_P(HttpRefusal, AHandlerMayTakeLongerThanEveryTimeout) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/wait")));
  while (!waiting.load()) std::this_thread::yield();
  server.pass_ms(70'000);
  server.pass_ms(70'000);
  go_on.store(true);
  EXPECT_EQ(client.read_answer().body, "/wait");
  EXPECT_EQ(server.stop().timeouts, 0u);
}

// A half request behind a whole one lost its time-out when the handler of the whole one had to be
// waited for: the connection stayed for ever.
TEST_P(HttpRefusal, BugAHalfRequestBehindASlowHandlerTimesOutToo) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/wait") + "GET /half HT"));
  while (!waiting.load()) std::this_thread::yield();
  go_on.store(true);
  EXPECT_EQ(client.read_answer().body, "/wait");
  server.settle();
  server.pass_ms(5'100);
  EXPECT_EQ(client.read_answer().status, 408);
}

// A client whose every write ended within a request got a 408 after a while, although no request
// took long.
TEST_P(HttpRefusal, BugTheHeaderTimeoutBeginsAnewWithEachRequest) {
  start();
  Client client(server.port());
  std::string half = get("/").substr(0, 10);
  std::string other_half = get("/").substr(10);
  ASSERT_TRUE(client.send(half));
  for (int i = 0; i < 5; ++i) {
    server.settle();
    server.pass_ms(3'000);
    ASSERT_EQ(client.ask(other_half + half).status, 200) << i;
  }
}

}  // namespace
}  // namespace gatio::testing
