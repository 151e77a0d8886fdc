// HTTP over the wire: what a well-behaved client gets, with each mix of roles.
#include <gtest/gtest.h>

#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

// Answers with what was asked: the target, a space, the body.
Task<void> mirror(const http::Request& request, http::Response& response) {
  std::string text = std::string(request.target()) + " " + std::string(request.body());
  response.body(text);
  co_return;
}

class HttpServing : public EachMix {
 protected:
  HttpServing() { server.handler = mirror; }
};
GATIO_EACH_MIX(HttpServing);

TEST_P(HttpServing, OneConnectionIsKeptForManyRequests) {
  start();
  Client client(server.port());
  for (int i = 0; i < 100; ++i) {
    std::string target = "/" + std::to_string(i);
    Answer answer = client.ask(get(target));
    ASSERT_EQ(answer.status, 200);
    ASSERT_EQ(answer.body, target + " ");
  }
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.requests, 100u);
  EXPECT_EQ(metrics.answers, 100u);
  EXPECT_EQ(metrics.connections, 1u);
}

TEST_P(HttpServing, PipelinedRequestsAreAnsweredInOrder) {
  start();
  for (int count : {1, 16, 1000}) {
    Client client(server.port());
    std::string requests;
    for (int i = 0; i < count; ++i) requests += get("/" + std::to_string(i));
    ASSERT_TRUE(client.send(requests));
    for (int i = 0; i < count; ++i) {
      Answer answer = client.read_answer();
      ASSERT_EQ(answer.status, 200) << i << " of " << count;
      ASSERT_EQ(answer.body, "/" + std::to_string(i) + " ");
    }
  }
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.requests, 1017u);
  EXPECT_EQ(metrics.answers, 1017u);
}

TEST_P(HttpServing, HandlersThatSleepDoNotChangeTheOrderOfAnswers) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    if (request.target().back() % 2 == 0) (void)co_await sleep_for(std::chrono::milliseconds(1));
    response.body(request.target());
  };
  start();
  Client client(server.port());
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += get("/" + std::to_string(i));
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(client.read_answer().body, "/" + std::to_string(i));
}

TEST_P(HttpServing, ARequestMayBeCutAtEveryByte) {
  start();
  Client client(server.port());
  std::string request = post("/cut", "body");
  for (size_t cut = 1; cut < request.size(); ++cut) {
    ASSERT_TRUE(client.send(request.substr(0, cut)));
    server.settle();  // The first part has been taken by the time that the second one comes.
    ASSERT_TRUE(client.send(request.substr(cut)));
    ASSERT_EQ(client.read_answer().body, "/cut body") << "cut at " << cut;
  }
}

TEST_P(HttpServing, ARequestMayComeByteByByte) {
  start();
  Client client(server.port());
  for (char each : post("/slow", "body")) ASSERT_TRUE(client.send(std::string_view(&each, 1)));
  EXPECT_EQ(client.read_answer().body, "/slow body");
}

TEST_P(HttpServing, ABodyMayComeInChunks) {
  start();
  Client client(server.port());
  Answer answer = client.ask(
      "POST /chunks HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nHello\r\n1\r\n,\r\n6;x=y\r\n World\r\n0\r\n\r\n");
  EXPECT_EQ(answer.body, "/chunks Hello, World");
  EXPECT_EQ(client.ask(get("/next")).body, "/next ");
}

TEST_P(HttpServing, AnAnswerToHeadHasNoBody) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send("HEAD /h HTTP/1.1\r\nHost: test\r\n\r\n" + get("/g")));
  Answer head = client.read_answer(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.has("Content-Length: 3\r\n")) << head.head;
  EXPECT_EQ(client.read_answer().body, "/g ");
}

TEST_P(HttpServing, AClientThatWaitsForContinueIsToldToGoOn) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(
      "POST /e HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.read_answer().status, 100);
  EXPECT_EQ(client.ask("body").body, "/e body");
}

TEST_P(HttpServing, ContinueComesAfterTheAnswersThatAreDueBeforeIt) {
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(
      get("/first") +
      "POST /e HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.read_answer().body, "/first ");
  EXPECT_EQ(client.read_answer().status, 100);
  EXPECT_EQ(client.ask("body").body, "/e body");
}

TEST_P(HttpServing, AClientThatSaysCloseIsAnsweredAndClosed) {
  start();
  for (std::string request :
       {get("/c", "Connection: close\r\n"), std::string("GET /c HTTP/1.0\r\n\r\n")}) {
    Client client(server.port());
    Answer answer = client.ask(request);
    EXPECT_EQ(answer.body, "/c ");
    EXPECT_TRUE(client.ends_cleanly());
  }
}

TEST_P(HttpServing, AHandlerMayCloseAndTheRequestsBehindAreNotCounted) {
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    response.body(request.target());
    if (request.target() == "/2") response.close();
    co_return;
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/1") + get("/2") + get("/3")));
  EXPECT_EQ(client.read_answer().body, "/1");
  EXPECT_EQ(client.read_answer().body, "/2");
  EXPECT_TRUE(client.ends_cleanly());
  client.close();
  const Metrics& metrics = server.stop();
  EXPECT_EQ(metrics.answers, 2u);
  EXPECT_EQ(metrics.requests, metrics.answers);
}

TEST_P(HttpServing, AClientThatHalfClosesStillGetsItsWholeAnswer) {
  std::string text(300'000, 'x');
  server.handler = [&text](const http::Request&, http::Response& response) -> Task<void> {
    (void)co_await sleep_for(std::chrono::milliseconds(5));
    response.body(text);
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/1") + get("/2")));
  client.half_close();
  EXPECT_EQ(client.read_answer().body, text);
  EXPECT_EQ(client.read_answer().body, text);
  EXPECT_TRUE(client.ends_cleanly());
  server.end();
}

TEST_P(HttpServing, AnAnswerMayBeAMebibyte) {
  std::string text(1 << 20, 'x');
  for (size_t i = 0; i < text.size(); i += 1000) text[i] = static_cast<char>('a' + i / 1000 % 26);
  server.handler = [&text](const http::Request&, http::Response& response) -> Task<void> {
    response.body(text);
    co_return;
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/") + get("/") + get("/")));
  for (int i = 0; i < 3; ++i) {
    Answer answer = client.read_answer();
    ASSERT_TRUE(answer.whole());
    ASSERT_TRUE(answer.body == text);
  }
  server.end();
}

TEST_P(HttpServing, AnUploadMayBeAsLargeAsTheLimit) {
  server.listener.limits.body_bytes = 1 << 20;
  server.handler = [](const http::Request& request, http::Response& response) -> Task<void> {
    std::string sum = std::to_string(std::hash<std::string_view>()(request.body()));
    response.body(sum);
    co_return;
  };
  start();
  std::string body(1 << 20, 'b');
  for (size_t i = 0; i < body.size(); i += 100) body[i] = static_cast<char>('a' + i / 100 % 26);
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.ask(post("/", body)).body,
              std::to_string(std::hash<std::string_view>()(body)));
  }
}

TEST_P(HttpServing, IPv6IsServedToo) {
  server.listener.address = "::1";
  Result<void> started = server.start();
  if (!started) GTEST_SKIP() << started.error().message();
  Client client(server.port(), "::1");
  EXPECT_EQ(client.ask(get("/six")).body, "/six ");
}

TEST_P(HttpServing, TheAnyAddressOfIPv6ServesBothFamilies) {
  server.listener.address = "::";
  Result<void> started = server.start();
  if (!started) GTEST_SKIP() << started.error().message();
  EXPECT_EQ(Client(server.port(), "::1").ask(get("/six")).body, "/six ");
  EXPECT_EQ(Client(server.port(), "127.0.0.1").ask(get("/four")).body, "/four ");
}

TEST_P(HttpServing, OnlyTheRolesThatMayDoSoServe) {
  start();
  Client client(server.port());
  for (int i = 0; i < 10; ++i) ASSERT_EQ(client.ask(get("/")).status, 200);
  client.close();
  const Metrics& metrics = server.stop();
  for (const DriverMetrics& each : metrics.drivers) {
    if (each.role == config::Role::io) {
      EXPECT_EQ(each.tasks, 0u);
    }
    if (each.role == config::Role::exec) {
      EXPECT_EQ(each.io_sqes, 0u);
      EXPECT_GE(each.tasks, 10u);
    }
  }
}

}  // namespace
}  // namespace gatio::testing
