#include "runtime/net/http_date.hpp"

#include <gtest/gtest.h>

namespace gatio::http {
namespace {

TEST(HttpDate, FormatsTheExampleOfTheStandard) {
  DateCache cache;
  EXPECT_EQ(cache.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(HttpDate, FormatsTheEpochAndALeapDay) {
  DateCache cache;
  EXPECT_EQ(cache.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(cache.at(951782400 + 86399), "Tue, 29 Feb 2000 23:59:59 GMT");
}

TEST(HttpDate, FollowsTheClockInBothDirections) {
  DateCache cache;
  cache.at(784111777);
  EXPECT_EQ(cache.at(784111778), "Sun, 06 Nov 1994 08:49:38 GMT");
  EXPECT_EQ(cache.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace gatio::http
