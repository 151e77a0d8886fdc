#include "runtime/base/prng.hpp"

#include <gtest/gtest.h>

namespace gatio {
namespace {

TEST(Prng, TheSameSeedGivesTheKnownSequence) {
  Prng prng(1234567);
  // The reference values of splitmix64 for this seed.
  EXPECT_EQ(prng.next(), 6457827717110365317u);
  EXPECT_EQ(prng.next(), 3203168211198807973u);
}

TEST(Prng, BelowStaysBelow) {
  Prng prng(1);
  bool seen[7] = {};
  for (int i = 0; i < 1000; ++i) {
    uint64_t value = prng.below(7);
    ASSERT_LT(value, 7u);
    seen[value] = true;
  }
  for (bool each : seen) EXPECT_TRUE(each);
}

}  // namespace
}  // namespace gatio
