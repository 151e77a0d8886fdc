// Properties of the parser: how bytes are cut into receives does not matter, and no bytes at all
// bring it down.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/net/http_test_support.hpp"

namespace gatio::http {
namespace {

const std::string kRequests[] = {
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
    "\r\nGET /a?b=c HTTP/1.1\r\nHost: x\r\nEmpty:\r\nSpaced:  a  \r\n\r\n",
    "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "POST /2 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n\r\n",
    "POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
    "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
    "PUT /4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n0\r\nTrailer: a\r\nB: "
    "c\r\n\r\n",
    "GET /5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "HEAD http://a/6 HTTP/1.1\r\nHost: a\r\n\r\n",
};
const std::string kLast[] = {
    "GET /close HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /old HTTP/1.0\r\n\r\n",
    "nonsense\r\n\r\n",
    "GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nA: b",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell",
    "",
};

TEST(HttpProperty, ARequestSplitAnywhereIsTheSameRequest) {
  for (const std::string& each : kRequests) {
    Parsed whole = parse(each);
    ASSERT_EQ(whole.requests.size(), 1u) << each;
    for (size_t cut = 0; cut <= each.size(); ++cut) {
      EXPECT_EQ(parse_split(each, cut), whole) << each << " cut at " << cut;
    }
  }
}

TEST(HttpProperty, ARequestThatComesByteByByteIsTheSameRequest) {
  for (const std::string& each : kRequests) {
    std::vector<std::string_view> bytes;
    for (size_t i = 0; i < each.size(); ++i) bytes.push_back(std::string_view(each).substr(i, 1));
    EXPECT_EQ(parse_pieces(bytes), parse(each));
  }
}

std::string pipeline() {
  std::string bytes;
  size_t count = *rc::gen::inRange<size_t>(0, 12);
  for (size_t i = 0; i < count; ++i)
    bytes += kRequests[*rc::gen::inRange<size_t>(0, std::size(kRequests))];
  return bytes + kLast[*rc::gen::inRange<size_t>(0, std::size(kLast))];
}

std::vector<std::string_view> cut_at_random(std::string_view bytes) {
  auto cuts =
      *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, bytes.size() + 1));
  cuts.push_back(bytes.size());
  std::sort(cuts.begin(), cuts.end());
  std::vector<std::string_view> pieces;
  size_t start = 0;
  for (size_t cut : cuts) {
    pieces.push_back(bytes.substr(start, cut - start));
    start = cut;
  }
  return pieces;
}

RC_GTEST_PROP(HttpProperty, APipelineCutAnywhereIsTheSamePipeline, ()) {
  std::string bytes = pipeline();
  RC_ASSERT(parse_pieces(cut_at_random(bytes)) == parse(bytes));
}

RC_GTEST_PROP(HttpProperty, ADamagedPipelineIsTheSameHoweverItIsCut, ()) {
  std::string bytes = pipeline();
  RC_PRE(!bytes.empty());
  size_t damages = *rc::gen::inRange<size_t>(1, 4);
  for (size_t i = 0; i < damages; ++i) {
    size_t at = *rc::gen::inRange<size_t>(0, bytes.size());
    bytes[at] =
        *rc::gen::element('\r', '\n', ' ', '\0', ':', '0', '9', 'a', '\t', ',', ';', '\x80');
  }
  RC_ASSERT(parse_pieces(cut_at_random(bytes)) == parse(bytes));
}

RC_GTEST_PROP(HttpProperty, NoBytesBringItDown, ()) {
  auto bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  parse_pieces(cut_at_random(bytes));
}

RC_GTEST_PROP(HttpProperty, SmallLimitsHoldHoweverItIsCut, ()) {
  Limits limits;
  limits.header_bytes = *rc::gen::inRange<size_t>(20, 90);
  limits.target_bytes = *rc::gen::inRange<size_t>(1, 12);
  limits.header_count = *rc::gen::inRange<size_t>(1, 4);
  limits.body_bytes = *rc::gen::inRange<size_t>(0, 8);
  std::string bytes = pipeline();
  RC_ASSERT(parse_pieces(cut_at_random(bytes), limits) == parse(bytes, limits));
}

}  // namespace
}  // namespace gatio::http
