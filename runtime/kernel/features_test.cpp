#include "runtime/kernel/features.hpp"

#include <gtest/gtest.h>

namespace gatio {
namespace {

TEST(Features, AnEmptyListIsNone) {
  EXPECT_EQ(*parse_features(""), Features{});
}

TEST(Features, NamesAreParsedOneByOne) {
  Features expected{.no_sqarray = true, .napi = true};
  EXPECT_EQ(*parse_features("napi,no_sqarray"), expected);
}

TEST(Features, AllIsEveryOne) {
  Features all = *parse_features("all");
  for (const FeatureName& each : feature_names()) EXPECT_TRUE(all.*each.member) << each.name;
}

TEST(Features, PrintingAndParsingAreInverse) {
  for (const FeatureName& each : feature_names()) {
    Features one;
    one.*each.member = true;
    EXPECT_EQ(to_string(one), each.name);
  }
  Features all = *parse_features("all");
  EXPECT_EQ(*parse_features(to_string(all)), all);
}

TEST(Features, AnUnknownNameIsAnErrorThatListsTheKnown) {
  Result<Features> parsed = parse_features("napi,warp");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().text.find("'warp'"), std::string::npos) << parsed.error().text;
  EXPECT_NE(parsed.error().text.find("no_sqarray, registered_ring_fd"), std::string::npos);
}

TEST(Features, AnEmptyNameIsUnknown) {
  EXPECT_FALSE(parse_features("napi,,bundles"));
}

TEST(Features, CutTakesAwayWhatIsSwitchedOff) {
  Features given{.no_sqarray = true, .sync_message = true};
  EXPECT_EQ(cut(given, {.no_sqarray = true, .napi = true}), Features{.sync_message = true});
}

}  // namespace
}  // namespace gatio
