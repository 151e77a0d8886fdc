#include "harness/server.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

TEST(FillIn, ReplacesWhatItKnows) {
  EXPECT_EQ(fill_in("{dir}/a:{port}", {{"dir", "/x"}, {"port", "80"}}), "/x/a:80");
}

TEST(FillIn, LeavesOtherBracesAlone) {
  const std::string text = "http { server { listen 1; } } {unknown} {";
  EXPECT_EQ(fill_in(text, {{"port", "80"}}), text);
}

TEST(FillIn, FindsAPlaceInsideOtherBraces) {
  EXPECT_EQ(fill_in("server { listen {port}; }", {{"port", "80"}}), "server { listen 80; }");
}

TEST(FillIn, DoesNotFillInWhatItFilledIn) {
  EXPECT_EQ(fill_in("{a}{b}", {{"a", "{b}"}, {"b", "1"}}), "{b}1");
}

}  // namespace
}  // namespace gatio::harness
