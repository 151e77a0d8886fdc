// A batch whose answers are large comes back with as many as fit and goes on behind them: never
// more output than the limit and one answer, none lost, all in order.
#include "runtime/net/http_exchange.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "runtime/driver/testing.hpp"
#include "runtime/net/http_test_support.hpp"

namespace gatio::http {
namespace {

constexpr size_t kCount = 64;
constexpr size_t kLimit = 256 * 1024;
constexpr size_t kBodyBytes = 64 * 1024;
constexpr std::string_view kDate = "Thu, 01 Jan 1970 00:00:00 GMT";

std::string pipelined() {
  std::string bytes;
  for (size_t i = 0; i < kCount; ++i)
    bytes += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  return bytes;
}

struct Run {
  std::string sent;
  size_t largest_bytes = 0;
  size_t answers = 0;
  size_t rounds = 0;
};

// Answers the whole batch, sending as a session does: only what one run has left.
Task<void> answer_all(const Handler& handler, Driver* target, Run& run) {
  Exchange exchange(handler, std::pmr::new_delete_resource(), [](Exchange*) {});
  const Limits limits;  // The parser refers to them.
  Parser parser(limits, std::pmr::new_delete_resource());
  std::string bytes = pipelined();
  (void)parser.feed(bytes, exchange.batch);
  exchange.batch.detach();
  while (exchange.has_more() && run.rounds < kCount) {
    Exchange::Terms terms{.date = kDate, .close_after = true, .most_output_bytes = kLimit};
    if (target == nullptr) {
      exchange.run_here(terms);
    } else {
      exchange.run_on(*target, terms);
    }
    while (exchange.running()) (void)co_await yield();
    ++run.rounds;
    run.answers += exchange.begun();
    run.largest_bytes = std::max(run.largest_bytes, exchange.output.size());
    EXPECT_EQ(exchange.closes(), !exchange.has_more());  // It is the last answer that closes.
    run.sent += exchange.output.view();
    exchange.output.clear();
  }
}

void expect_bounded_and_in_order(bool elsewhere, bool waits) {
  Handler handler = [waits](const Request& request, Response& response) -> Task<void> {
    if (waits) (void)co_await yield();
    std::string body(kBodyBytes, '.');
    body.replace(0, request.target().size(), request.target());
    response.body(body);
    co_return;
  };
  DriverGroup group({config::Role::both, config::Role::both});
  Run run;
  group.run([&] { return answer_all(handler, elsewhere ? &group[1] : nullptr, run); });
  EXPECT_EQ(run.answers, kCount);
  EXPECT_GE(run.largest_bytes, kLimit);
  EXPECT_LT(run.largest_bytes, kLimit + kBodyBytes + 1024);
  EXPECT_EQ(run.rounds, kCount / 4);  // Four bodies and their heads pass the limit.
  size_t from = 0;
  for (size_t i = 0; i < kCount; ++i) {
    size_t found = run.sent.find("\r\n\r\n/" + std::to_string(i) + ".", from);
    ASSERT_NE(found, run.sent.npos) << i;
    from = found + kBodyBytes;
  }
}

TEST(HttpExchange, OutputStopsAtTheLimitAndGoesOnWithTheNextRequest) {
  expect_bounded_and_in_order(false, false);
}

TEST(HttpExchange, TheSameWhereHandlersWait) {
  expect_bounded_and_in_order(false, true);
}

TEST(HttpExchange, TheSameOnAnotherDriver) {
  expect_bounded_and_in_order(true, false);
  expect_bounded_and_in_order(true, true);
}

}  // namespace
}  // namespace gatio::http
