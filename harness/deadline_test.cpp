#include "harness/deadline.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

using std::chrono::hours;

TEST(Deadline, WithoutOneNothingIsBounded) {
  EXPECT_FALSE(Deadline().passed());
  EXPECT_FALSE(Deadline().within(hours(1000)));
  EXPECT_EQ(Deadline().bound_ms(15'000), 15'000);
}

TEST(Deadline, OneFarAwayLeavesTheFullTime) {
  const Deadline deadline{Deadline::Clock::now() + hours(1)};
  EXPECT_FALSE(deadline.passed());
  EXPECT_TRUE(deadline.within(hours(2)));
  EXPECT_EQ(deadline.bound_ms(15'000), 15'000);
}

TEST(Deadline, OneThatIsNearCutsTheTime) {
  const int ms = Deadline{Deadline::Clock::now() + std::chrono::minutes(10)}.bound_ms(3'600'000);
  EXPECT_LE(ms, 600'000);
  EXPECT_GT(ms, 0);
}

TEST(Deadline, AfterItAMomentIsLeftToEndInOrder) {
  const Deadline deadline{Deadline::Clock::now() - hours(1)};
  EXPECT_TRUE(deadline.passed());
  EXPECT_EQ(deadline.bound_ms(15'000), 1000);
  EXPECT_EQ(deadline.bound_ms(200), 200);
}

}  // namespace
}  // namespace gatio::harness
