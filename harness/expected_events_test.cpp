// That an event which never happened is missed.
#include "harness/expected_events.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

TEST(ExpectedEvents, AreMissedWhereTheyNeverHappened) {
  std::map<std::string, uint64_t> counts;
  std::vector<const char*> all = events_that_never_happened(counts);
  ASSERT_GT(all.size(), 30u);
  for (const char* each : all) counts[each] = 1;
  EXPECT_TRUE(events_that_never_happened(counts).empty());
  counts["a task hops"] = 0;
  counts.erase("a CQ overflows");
  std::vector<const char*> missing = events_that_never_happened(counts);
  ASSERT_EQ(missing.size(), 2u);
  EXPECT_STREQ(missing[0], "a CQ overflows");
  EXPECT_STREQ(missing[1], "a task hops");
}

}  // namespace
}  // namespace gatio::harness
