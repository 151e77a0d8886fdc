// Medians of what a campaign counts.
#include "harness/distribution.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace gatio::harness {
namespace {

TEST(Distribution, OfNothingHasTheMedianZero) {
  EXPECT_EQ(std::make_unique<Distribution>()->median(), 0u);
}

TEST(Distribution, IsExactWhereValuesAreSmall) {
  auto all = std::make_unique<Distribution>();
  auto more = std::make_unique<Distribution>();
  for (uint64_t value : {9u, 1u, 2000u}) all->add(value);
  EXPECT_EQ(all->median(), 9u);
  more->add(2047);
  more->add(2046);
  all->add(*more);
  EXPECT_EQ(all->median(), 2000u);
}

TEST(Distribution, RoundsDownWhatIsLarge) {
  auto all = std::make_unique<Distribution>();
  all->add(Distribution::kExact + 100);
  EXPECT_EQ(all->median(), Distribution::kExact + 96);
  all->add(UINT64_MAX);
  all->add(UINT64_MAX);
  EXPECT_GE(all->median(), 60'000u) << "what is huge is all alike";
}

}  // namespace
}  // namespace gatio::harness
