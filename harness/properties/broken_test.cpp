// One driver of several is dead or its ring does not answer: the checks of the case "broken", and
// those of the trace (S4, S5, S13, S14), over many seeds.
#include <gtest/gtest.h>

#include <map>

#include "harness/simulation/isolated.hpp"

namespace gatio::harness {
namespace {

TEST(Broken, TheOthersGoOnAndOnceHealedAllEnds) {
  const Case* broken = find_case("broken");
  ASSERT_NE(broken, nullptr);
  std::map<std::string, uint64_t> counts;
  for (uint64_t seed = 1; seed <= 1'000; ++seed) {
    IsolatedResult result = run_isolated(*broken, fakes::Choices(seed), {.keep_trace = true});
    ASSERT_FALSE(result.failed) << "seed " << seed << ": " << result.kind << "\n" << result.text;
    for (const auto& [name, times] : result.sometimes) counts[name] += times;
  }
  for (const char* each :
       {"a dead driver goes on", "a ring answers again", "a driver is dead for long",
        "a ring stops answering for long", "a client of another driver is served",
        "messages go on beside a broken driver", "a client waits for a broken driver",
        "a shutdown waits for a dead driver", "a shutdown waits for a ring that does not answer",
        "a shutdown cuts off what a broken driver held"})
    EXPECT_GE(counts[each], 1u) << "never: " << each;
}

}  // namespace
}  // namespace gatio::harness
