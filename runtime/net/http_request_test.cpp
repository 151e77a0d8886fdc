#include "runtime/net/http_request.hpp"

#include <gtest/gtest.h>

#include <array>

namespace gatio::http {
namespace {

std::string_view path_of(std::string_view target) {
  RequestRecord record;
  record.target = target;
  return Request(record, {}).path();
}

std::string_view query_of(std::string_view target) {
  RequestRecord record;
  record.target = target;
  return Request(record, {}).query();
}

TEST(HttpRequest, ThePathIsTheTargetWithoutAuthorityAndQuery) {
  EXPECT_EQ(path_of("/a/b?c=d"), "/a/b");
  EXPECT_EQ(path_of("/a"), "/a");
  EXPECT_EQ(path_of("*"), "*");
  EXPECT_EQ(path_of("http://host:80/a?b"), "/a");
  EXPECT_EQ(path_of("http://host"), "/");
  EXPECT_EQ(path_of("http://host?a=/b"), "/");
  EXPECT_EQ(path_of("/redirect?to=http://host/x"), "/redirect");
}

TEST(HttpRequest, TheQueryFollowsTheFirstQuestionMark) {
  EXPECT_EQ(query_of("/a?b=c?d"), "b=c?d");
  EXPECT_EQ(query_of("/a?"), "");
  EXPECT_EQ(query_of("/a"), "");
}

TEST(HttpRequest, HeadersAreFoundWhateverTheirCase) {
  std::array<Header, 3> headers = {{{"Host", "x"}, {"ACCEPT", "1"}, {"accept", "2"}}};
  RequestRecord record;
  Request request(record, headers);
  EXPECT_EQ(request.header("Accept"), "1");
  EXPECT_EQ(request.header("Accept-"), std::nullopt);
}

TEST(HttpRequest, OnlyLettersAreFolded) {
  EXPECT_TRUE(same_ignoring_case("aZ-1", "Az-1"));
  EXPECT_FALSE(same_ignoring_case("[", "{"));
  EXPECT_FALSE(same_ignoring_case("a\r", "a-"));
}

}  // namespace
}  // namespace gatio::http
