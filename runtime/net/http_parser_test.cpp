#include "runtime/net/http_parser.hpp"

#include <gtest/gtest.h>

#include <string>

#include "runtime/net/http_test_support.hpp"

namespace gatio::http {
namespace {

using State = Outcome::State;

std::string get(std::string_view more_headers = "", std::string_view target = "/") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more_headers) +
         "\r\n";
}

std::string post(std::string_view headers, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

TEST(HttpParser, ReadsWhatWrkSends) {
  Parsed parsed = parse("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
  PlainRequest expected{"GET", "/", "", 1, true, {{"Host", "127.0.0.1:8080"}}};
  ASSERT_EQ(parsed.requests, std::vector{expected});
  EXPECT_EQ(parsed.state, State::NeedMore);
  EXPECT_FALSE(parsed.in_request);
}

TEST(HttpParser, NamesTheMethods) {
  Limits limits;
  Parser parser(limits, std::pmr::new_delete_resource());
  Batch batch(std::pmr::new_delete_resource());
  std::string bytes;
  for (std::string name :
       {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"}) {
    bytes += name + " / HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  parser.feed(bytes, batch);
  ASSERT_EQ(batch.size(), 9u);
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(batch[i].method(), static_cast<Method>(i));
}

TEST(HttpParser, SpaceAroundAValueIsDropped) {
  Parsed parsed = parse(get("A: \t b c \t \r\nB:\r\nC:  \r\n"));
  ASSERT_EQ(parsed.requests.size(), 1u);
  std::vector<std::pair<std::string, std::string>> expected = {
      {"Host", "x"}, {"A", "b c"}, {"B", ""}, {"C", ""}};
  EXPECT_EQ(parsed.requests[0].headers, expected);
}

TEST(HttpParser, EmptyLinesBeforeARequestAreSkipped) {
  Parsed parsed = parse("\r\n\r\n" + get() + "\r\n" + get());
  EXPECT_EQ(parsed.requests.size(), 2u);
  EXPECT_EQ(parse("\r\n").in_request, false);
}

TEST(HttpParser, AnUpgradeIsNotTaken) {
  std::string bytes = get("Connection: Upgrade\r\nUpgrade: h2c\r\n") + get();
  EXPECT_EQ(parse(bytes).requests.size(), 2u);
}

TEST(HttpParser, BodiesByLengthAndChunked) {
  Parsed parsed =
      parse(post("Content-Length: 5\r\n", "hello") +
            chunked("1;a;b=c\r\nh\r\n0004;c=\"d e\"\r\nello\r\n0\r\nTrailer: x\r\n\r\n") +
            post("Content-Length: 0\r\n", "") + chunked("0\r\n\r\n") + get());
  ASSERT_EQ(parsed.requests.size(), 5u) << parsed;
  EXPECT_EQ(parsed.requests[0].body, "hello");
  EXPECT_EQ(parsed.requests[1].body, "hello");
  EXPECT_EQ(parsed.requests[1].headers.size(), 2u);
  EXPECT_EQ(parsed.requests[2].body, "");
  EXPECT_EQ(parsed.requests[3].body, "");
}

TEST(HttpParser, ChunkedIsWrittenInAnyCase) {
  Parsed parsed = parse(post("transfer-ENCODING: CHUNKed\r\n", "A\r\n0123456789\r\n0\r\n\r\n"));
  ASSERT_EQ(parsed.requests.size(), 1u);
  EXPECT_EQ(parsed.requests[0].body, "0123456789");
}

TEST(HttpParser, TheConnectionHeaderDecidesWhetherItCloses) {
  EXPECT_EQ(parse(get("Connection: close\r\n")).state, State::Close);
  EXPECT_EQ(parse(get("Connection: x, CLOSE ,y\r\n")).state, State::Close);
  EXPECT_EQ(parse(get("Connection: keep-alive\r\nConnection: close\r\n")).state, State::Close);
  EXPECT_EQ(parse(get("Connection: closed\r\n")).state, State::NeedMore);
  EXPECT_EQ(parse(get("Proxy-Connection: close\r\n") + post("Content-Length: 1\r\n", "x"))
                .requests.size(),
            2u);
  EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").state, State::Close);
  EXPECT_EQ(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").state, State::NeedMore);
  EXPECT_EQ(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n").state, State::Close);
}

TEST(HttpParser, NothingIsReadBehindTheRequestThatCloses) {
  Parsed parsed = parse_pieces({get("Connection: close\r\n") + get(), get()});
  EXPECT_EQ(parsed.requests.size(), 1u);
  EXPECT_EQ(parsed.state, State::Close);
  EXPECT_FALSE(parsed.in_request);
}

TEST(HttpParser, RequestsBeforeAMalformedOneAreDelivered) {
  Parsed parsed = parse_pieces({get() + get() + "nonsense\r\n\r\n", get()});
  EXPECT_EQ(parsed.requests.size(), 2u);
  EXPECT_EQ(parsed.status, 400);
}

TEST(HttpParser, StatusOfEachRefusal) {
  struct Case {
    std::string_view bytes;
    int status;
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"OPTIONS * RTSP/1.0\r\nHost: a\r\n\r\n", 400},
      {"SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\x16\x03\x01", 400},  // TLS, before a line is complete
      {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"GETS / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417},
  };
  for (const Case& each : cases) {
    Parsed parsed = parse(each.bytes);
    EXPECT_EQ(parsed.status, each.status) << each.bytes;
    EXPECT_TRUE(parsed.requests.empty()) << each.bytes;
  }
}

TEST(HttpParser, ALaterMinorVersionIsReadAs11) {
  EXPECT_EQ(parse("GET / HTTP/1.2\r\nHost: a\r\n\r\n").state, State::NeedMore);
}

TEST(HttpParser, OptionsOfTheServerAndAbsoluteTargetsAreTaken) {
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").requests.size(), 1u);
  EXPECT_EQ(parse(get("", "http://a:80/b?c")).requests.size(), 1u);
}

TEST(HttpParser, TheHeadMayBeAsLongAsItsLimit) {
  std::string bytes = get("A: " + std::string(100, 'a') + "\r\n");
  Limits limits;
  limits.header_bytes = bytes.size();
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_EQ(parse_split(bytes, cut, limits).requests.size(), 1u) << cut;
  }
  --limits.header_bytes;
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_EQ(parse_split(bytes, cut, limits).status, 431) << cut;
  }
}

TEST(HttpParser, AHeadThatNeverEndsIsRefusedAtTheLimit) {
  Limits limits;
  limits.header_bytes = 1000;
  Parser parser(limits, std::pmr::new_delete_resource());
  Batch batch(std::pmr::new_delete_resource());
  std::string bytes = "GET / HTTP/1.1\r\nA: ";
  bytes.resize(1000, 'a');
  EXPECT_EQ(parser.feed(bytes, batch).state, State::NeedMore);
  EXPECT_TRUE(parser.in_request());
  EXPECT_EQ(parser.feed(std::string_view("a"), batch).status, 431);
}

TEST(HttpParser, TheNumberOfHeadersIsLimited) {
  Limits limits;
  limits.header_count = 3;
  EXPECT_EQ(parse(get("A: 1\r\nB: 2\r\n"), limits).requests.size(), 1u);
  EXPECT_EQ(parse(get("A: 1\r\nB: 2\r\nC: 3\r\n"), limits).status, 431);
}

TEST(HttpParser, TheTargetMayBeAsLongAsItsLimit) {
  Limits limits;
  limits.target_bytes = 100;
  EXPECT_EQ(parse(get("", "/" + std::string(99, 'a')), limits).requests.size(), 1u);
  EXPECT_EQ(parse(get("", "/" + std::string(100, 'a')), limits).status, 414);
  // Also before the line is complete, and when the head as a whole is too long.
  EXPECT_EQ(parse("GET /" + std::string(200, 'a'), limits).status, 414);
  EXPECT_EQ(parse("GET /" + std::string(100000, 'a'), limits).status, 414);
}

TEST(HttpParser, ABodyMayBeAsLongAsItsLimit) {
  Limits limits;
  limits.body_bytes = 10;
  EXPECT_EQ(parse(post("Content-Length: 10\r\n", "0123456789"), limits).requests.size(), 1u);
  // Refused by its length, before it arrives.
  EXPECT_EQ(parse(post("Content-Length: 11\r\n", ""), limits).status, 413);
}

TEST(HttpParser, AChunkedBodyMayBeAsLongAsItsLimit) {
  Limits limits;
  limits.body_bytes = 10;
  EXPECT_EQ(parse(chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"), limits).requests.size(), 1u);
  EXPECT_EQ(parse(chunked("5\r\n01234\r\n6\r\n"), limits).status, 413);
  EXPECT_EQ(parse(chunked("ffffffffffffffff\r\n"), limits).status, 413);
}

TEST(HttpParser, TrailersAreLimitedLikeHeaders) {
  Limits limits;
  limits.header_bytes = 100;
  limits.header_count = 2;
  EXPECT_EQ(parse(chunked("0\r\nA: 1\r\nB: 2\r\n\r\n"), limits).requests.size(), 1u);
  EXPECT_EQ(parse(chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"), limits).status, 431);
  std::string fits = "A: " + std::string(93, 'a') + "\r\n\r\n";
  EXPECT_EQ(parse(chunked("0\r\n" + fits), limits).requests.size(), 1u);
  EXPECT_EQ(parse(chunked("0\r\na" + fits), limits).status, 431);
  EXPECT_EQ(parse(chunked("0\r\nA: " + std::string(200, 'a')), limits).status, 431);
}

TEST(HttpParser, FramingOfChunksIsLimited) {
  Limits limits;
  limits.header_bytes = 100;
  std::string ones;
  for (int i = 0; i < 10000; ++i) ones += "1\r\nx\r\n";
  EXPECT_EQ(parse(chunked(ones + "0\r\n\r\n"), limits).requests.size(), 1u);
  EXPECT_EQ(parse(chunked(std::string(200, '0')), limits).status, 413);
  EXPECT_EQ(parse(chunked("1;a=" + std::string(200, 'a')), limits).status, 413);
}

class HttpExpect : public testing::Test {
 protected:
  Outcome feed(std::string_view bytes) { return parser_.feed(bytes, batch_); }

  Limits limits_;
  Parser parser_{limits_, std::pmr::new_delete_resource()};
  Batch batch_{std::pmr::new_delete_resource()};
};

TEST_F(HttpExpect, ContinueIsDueOnceAndBeforeTheBody) {
  EXPECT_TRUE(feed(post("Expect: 100-Continue\r\nContent-Length: 2\r\n", "")).expect_continue);
  EXPECT_TRUE(parser_.in_request());
  EXPECT_FALSE(feed("h").expect_continue);
  EXPECT_FALSE(feed("i").expect_continue);
  ASSERT_EQ(batch_.size(), 1u);
  EXPECT_EQ(batch_[0].body(), "hi");
}

TEST_F(HttpExpect, ContinueIsDueForChunksToo) {
  EXPECT_TRUE(
      feed(post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "")).expect_continue);
}

TEST_F(HttpExpect, ContinueIsDueWhenTheHeadStraddles) {
  std::string bytes = post("Expect: 100-continue\r\nContent-Length: 2\r\n", "");
  EXPECT_FALSE(feed(std::string_view(bytes).substr(0, 20)).expect_continue);
  EXPECT_TRUE(feed(std::string_view(bytes).substr(20)).expect_continue);
}

TEST_F(HttpExpect, NoContinueWhenTheBodyIsThereOrEmpty) {
  EXPECT_FALSE(feed(post("Expect: 100-continue\r\nContent-Length: 2\r\n", "hi")).expect_continue);
  EXPECT_FALSE(feed(post("Expect: 100-continue\r\nContent-Length: 0\r\n", "")).expect_continue);
  EXPECT_FALSE(feed(post("Expect: 100-continue\r\nContent-Length: 2\r\n", "h")).expect_continue);
}

TEST_F(HttpExpect, ATooLongBodyIsRefusedInsteadOfContinued) {
  Outcome outcome = feed(post("Expect: 100-continue\r\nContent-Length: 99999999\r\n", ""));
  EXPECT_EQ(outcome.status, 413);
  EXPECT_FALSE(outcome.expect_continue);
}

TEST_F(HttpExpect, Http10HasNoExpectations) {
  std::string_view bytes = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_FALSE(feed(bytes).expect_continue);
}

TEST(HttpParser, InRequestFollowsTheBytesThatAreHeld) {
  Limits limits;
  Parser parser(limits, std::pmr::new_delete_resource());
  Batch batch(std::pmr::new_delete_resource());
  EXPECT_FALSE(parser.in_request());
  parser.feed(std::string_view("G"), batch);
  EXPECT_TRUE(parser.in_request());
  parser.feed(std::string_view("ET / HTTP/1.1\r\nHost: x\r\n\r\n"), batch);
  EXPECT_FALSE(parser.in_request());
  parser.feed(post("Content-Length: 1\r\n", ""), batch);
  EXPECT_TRUE(parser.in_request());
  parser.feed(std::string_view("x"), batch);
  EXPECT_FALSE(parser.in_request());
  parser.feed(std::string_view("\0", 1), batch);
  EXPECT_FALSE(parser.in_request());
}

TEST(HttpParser, NothingIsAllocatedInSteadyState) {
  CountingMemory memory;
  Limits limits;
  Parser parser(limits, &memory);
  Batch batch(&memory);
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes += get("A: b\r\n");
  std::string body = chunked("5\r\nhello\r\n0\r\n\r\n");
  auto receive = [&] {
    batch.clear();
    parser.feed(bytes, batch);
    parser.feed(std::string_view(body).substr(0, 30), batch);
    parser.feed(std::string_view(body).substr(30), batch);
    ASSERT_EQ(batch.size(), 17u);
  };
  receive();
  size_t before = memory.allocations;
  for (int i = 0; i < 100; ++i) receive();
  EXPECT_EQ(memory.allocations, before);
}

TEST(HttpParser, ALargeBodyIsNotKeptByAnIdleConnection) {
  CountingMemory memory;
  Limits limits;
  Parser parser(limits, &memory);
  Batch batch(std::pmr::new_delete_resource());
  parser.feed(post("Content-Length: 1000000\r\n", ""), batch);
  parser.feed(std::string(1000000, 'a'), batch);
  ASSERT_EQ(batch.size(), 1u);
  EXPECT_EQ(memory.live_bytes, 0u);
}

}  // namespace
}  // namespace gatio::http
