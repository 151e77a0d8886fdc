#include "harness/statistics.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

TEST(Statistics, TheMedianOfAnOddNumberIsTheMiddleOne) {
  EXPECT_DOUBLE_EQ(median({9, 1, 5}), 5);
}

TEST(Statistics, TheMedianOfAnEvenNumberLiesBetween) {
  EXPECT_DOUBLE_EQ(median({4, 1, 2, 100}), 3);
}

TEST(Statistics, TheSpreadIsHalfTheDistanceOfTheQuartiles) {
  EXPECT_DOUBLE_EQ(relative_spread({80, 90, 100, 110, 120}), 0.1);
}

TEST(Statistics, OneWildValueDoesNotMoveTheSpread) {
  EXPECT_DOUBLE_EQ(relative_spread({80, 90, 100, 110, 1e9}), 0.1);
}

TEST(Statistics, ASingleValueHasNoSpread) {
  EXPECT_DOUBLE_EQ(relative_spread({7}), 0);
}

}  // namespace
}  // namespace gatio::harness
