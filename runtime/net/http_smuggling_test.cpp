// Requests that two servers might end at different bytes, or might attribute to different hosts.
// Each must be refused, whole or in pieces, and nothing behind it may become a request.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "runtime/net/http_test_support.hpp"

namespace gatio::http {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kBehind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

// All of them are a 400.
constexpr std::string_view kHeads[] = {
    // The body is described twice, or badly.
    "Content-Length: 5\r\nContent-Length: 5\r\n"sv,
    "Content-Length: 5\r\nContent-Length: 6\r\n"sv,
    "Content-Length: 5, 5\r\n"sv,
    "Content-Length: +5\r\n"sv,
    "Content-Length: -5\r\n"sv,
    "Content-Length: 0x5\r\n"sv,
    "Content-Length: 5 5\r\n"sv,
    "Content-Length: 5a\r\n"sv,
    "Content-Length: \"5\"\r\n"sv,
    "Content-Length:\r\n"sv,
    "Content-Length: \r\n"sv,
    "Content-Length: 18446744073709551621\r\n"sv,
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"sv,
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"sv,
    "Content-Length: 5\r\nTransfer-Encoding:\r\n"sv,
    "Content-Length: 0\r\nTransfer-Encoding: gzip\r\n"sv,
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"sv,
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"sv,
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"sv,
    "Transfer-Encoding: chunked, chunked\r\n"sv,
    "Transfer-Encoding: chunked, identity\r\n"sv,
    "Transfer-Encoding:\r\n"sv,
    "Transfer-Encoding: \x0b"
    "chunked\r\n"sv,
    "Transfer-Encoding: chunked\x00\r\n"sv,
    // The name is not quite the name.
    "Content-Length : 5\r\n"sv,
    "Transfer-Encoding : chunked\r\n"sv,
    "Transfer-Encoding\t: chunked\r\n"sv,
    "X Transfer-Encoding: chunked\r\n"sv,
    " Transfer-Encoding: chunked\r\n"sv,
    "Foo Bar: x\r\n"sv,
    "Foo : x\r\n"sv,
    ": x\r\n"sv,
    "Foo\r\n"sv,
    "F\x00o: x\r\n"sv,
    "F\x80o: x\r\n"sv,
    "F(o: x\r\n"sv,
    // Line ends that are none, and folded lines.
    "A: b\nTransfer-Encoding: chunked\r\n"sv,
    "A: b\rTransfer-Encoding: chunked\r\n"sv,
    "A: b\r\rTransfer-Encoding: chunked\r\n"sv,
    "A:\rb\r\n"sv,
    "A:\nb\r\n"sv,
    "A: b\r\r\n"sv,
    "A: b\n"sv,
    "A: b\r\n c\r\n"sv,
    "A:\r\n b\r\n"sv,
    "Transfer-Encoding:\r\n chunked\r\n"sv,
    "A: b\r\n\tc\r\n"sv,
    "\rA: b\r\n"sv,
    "A: b\r\n\n"sv,
    // Bytes that have no place in a value.
    "A: b\x00"
    "c\r\n"sv,
    "A: b\x7f"
    "c\r\n"sv,
    "A: \x01\r\n"sv,
    // Two hosts.
    "Host: b\r\n"sv,
    "hOST: a\r\n"sv,
};

void expect_refused(const std::string& bytes) {
  Parsed whole = parse(bytes);
  EXPECT_EQ(whole.status, 400) << bytes;
  EXPECT_TRUE(whole.requests.empty()) << bytes << whole;
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    EXPECT_EQ(parse_split(bytes, cut), whole) << bytes << " cut at " << cut;
  }
}

TEST(HttpSmuggling, AmbiguousHeadsAreRefused) {
  for (std::string_view each : kHeads) {
    expect_refused("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(each) + "\r\n" +
                   std::string(kBehind));
  }
}

TEST(HttpSmuggling, AmbiguousRequestLinesAreRefused) {
  const std::string_view lines[] = {
      "POST  / HTTP/1.1\r\n"sv,
      "POST /  HTTP/1.1\r\n"sv,
      "POST\t/ HTTP/1.1\r\n"sv,
      "POST /\tHTTP/1.1\r\n"sv,
      "POST / HTTP/1.1\n"sv,
      "POST / HTTP/1.1\r\r\n"sv,
      " POST / HTTP/1.1\r\n"sv,
      "\nPOST / HTTP/1.1\r\n"sv,
      "\rPOST / HTTP/1.1\r\n"sv,
      "POST /\x80 HTTP/1.1\r\n"sv,
      "POST /\x00 HTTP/1.1\r\n"sv,
      "POST /a b HTTP/1.1\r\n"sv,
      "POST / HTTP/1.1\r\n "sv,
      "POST /\x0c HTTP/1.1\r\n"sv,
      "POST /\rHTTP/1.1\r\n"sv,
      "POST /\r\n"sv,
      "POST / HTTP/1.1 HTTP/1.1\r\n"sv,
  };
  for (std::string_view each : lines) {
    expect_refused(std::string(each) + "Host: a\r\n\r\n" + std::string(kBehind));
  }
}

TEST(HttpSmuggling, AmbiguousChunksAreRefused) {
  const std::string_view bodies[] = {
      "5\nhello\r\n0\r\n\r\n"sv,  // bare LF behind the size
      "5\rhello\r\n0\r\n\r\n"sv,  // bare CR
      "5\r\nhello\n0\r\n\r\n"sv,  // bare LF behind the data
      "5\r\nhelloxx0\r\n\r\n"sv,  // no line end behind the data
      "5\r\nhello\rx0\r\n\r\n"sv,
      "4\r\nhello\r\n0\r\n\r\n"sv,  // longer than it says
      "0x5\r\nhello\r\n0\r\n\r\n"sv,
      "+5\r\nhello\r\n0\r\n\r\n"sv,
      "-5\r\nhello\r\n0\r\n\r\n"sv,
      " 5\r\nhello\r\n0\r\n\r\n"sv,
      "5 \r\nhello\r\n0\r\n\r\n"sv,
      "\r\n5\r\nhello\r\n0\r\n\r\n"sv,
      "5;\nx\r\nhello\r\n0\r\n\r\n"sv,  // bare LF in an extension
      "5;a\nb\r\nhello\r\n0\r\n\r\n"sv,
      "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"sv,
      "5;a=\x00\r\nhello\r\n0\r\n\r\n"sv,
      "10000000000000005\r\nhello\r\n0\r\n\r\n"sv,
      "g\r\nhello\r\n0\r\n\r\n"sv,
      ";a\r\n"sv,
      "0\r\n\n"sv,  // bare LF ends the trailers
      "0\r\nA: b\n\r\n"sv,
      "0\r\nA: b\r\n c\r\n\r\n"sv,
      "0\r\n A: b\r\n\r\n"sv,
      "0\r\nA b\r\n\r\n"sv,
      "0\r\nA: \x00\r\n\r\n"sv,
      "0\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
      "0\r\n\rA: b\r\n\r\n"sv,
      "0\r\nA: b\r\r\n\r\n"sv,
  };
  for (std::string_view each : bodies) {
    expect_refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                   std::string(each) + std::string(kBehind));
  }
}

TEST(HttpSmuggling, ABareLineFeedIsRefusedBeforeTheHeadIsComplete) {
  EXPECT_EQ(parse("GET / HTTP/1.1\n").status, 400);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nA: b\n").status, 400);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\n\n").status, 400);
}

TEST(HttpSmuggling, Http10HasNoChunks) {
  expect_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                 std::string(kBehind));
}

TEST(HttpSmuggling, ATrailerCannotChangeTheNextRequest) {
  for (std::string_view trailer :
       {"Content-Length: 30", "Connection: close", "Upgrade: x", "Host: b"}) {
    Parsed parsed = parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" +
                          std::string(trailer) + "\r\n\r\n" + std::string(kBehind));
    ASSERT_EQ(parsed.requests.size(), 2u) << trailer;
    EXPECT_EQ(parsed.requests[1].body, "");
    EXPECT_EQ(parsed.requests[1].target, "/smuggled");
  }
}

TEST(HttpSmuggling, LlhttpIsCompiledInStrictMode) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nFoo Bar: x\r\n\r\n").status, 400);
}

}  // namespace
}  // namespace gatio::http
