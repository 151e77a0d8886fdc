// A run in a process of its own is reported however it ends, and shrinking finds the least choice
// list that still fails in the same way.
#include "harness/simulation/isolated.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "harness/simulation/simulation.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using fakes::Choices;

constexpr unsigned kLength = 40;

std::vector<uint32_t> choose_all(Choices& choices) {
  std::vector<uint32_t> values;
  for (unsigned i = 0; i < kLength; ++i) values.push_back(choices.choose(ChoiceKind::program, 16));
  return values;
}

// Fails where the fourth choice is at least 3 and the eighth at least 7, whatever the others are.
CaseResult run_pair(Choices& choices, const CaseOptions&) {
  std::vector<uint32_t> values = choose_all(choices);
  CaseResult result;
  if (values[3] >= 3 && values[7] >= 7) result.findings.push_back("S99: the two came together");
  Sometimes::hit("a pair is drawn");
  return result;
}

// The same; where the first choice is 0 it fails in another way.
CaseResult run_two_ways(Choices& choices, const CaseOptions& options) {
  if (choices.choose(ChoiceKind::program, 4) == 0) {
    CaseResult result;
    result.findings.push_back("S1: another failure");
    return result;
  }
  return run_pair(choices, options);
}

CaseResult run_abort(Choices& choices, const CaseOptions&) {
  choose_all(choices);
  std::fprintf(stderr, "the last words\n");
  std::abort();
}

CaseResult run_well(Choices& choices, const CaseOptions&) {
  choose_all(choices);
  return {};
}

IsolatedResult first_failure(const Case& which) {
  for (uint64_t seed = 1; seed < 1'000; ++seed) {
    IsolatedResult result = run_isolated(which, Choices(seed), {});
    if (result.failed && result.kind == "S99") return result;
  }
  ADD_FAILURE() << "no seed fails";
  return {};
}

TEST(Isolated, ShrinksToTheLeastListThatFails) {
  constexpr Case kPair{"pair", "", run_pair};
  IsolatedResult failure = first_failure(kPair);
  EXPECT_EQ(failure.choices.size(), kLength);
  EXPECT_EQ(failure.sometimes["a pair is drawn"], 1u);
  IsolatedResult least = shrink(kPair, failure, {}, 30);
  EXPECT_TRUE(least.failed);
  EXPECT_EQ(least.kind, "S99");
  EXPECT_EQ(least.choices, (std::vector<uint32_t>{0, 0, 0, 3, 0, 0, 0, 7}));
}

TEST(Isolated, ShrinkingKeepsToItsSubject) {
  constexpr Case kTwoWays{"two ways", "", run_two_ways};
  IsolatedResult least = shrink(kTwoWays, first_failure(kTwoWays), {}, 30);
  EXPECT_EQ(least.kind, "S99");
  EXPECT_EQ(least.choices, (std::vector<uint32_t>{1, 0, 0, 0, 3, 0, 0, 0, 7}));
}

TEST(Isolated, AnAbortIsReportedWithItsChoices) {
  constexpr Case kAbort{"abort", "", run_abort};
  Choices same(5);
  std::vector<uint32_t> expected = choose_all(same);
  IsolatedResult result = run_isolated(kAbort, Choices(5), {});
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.kind, "ended by signal 6");
  EXPECT_EQ(result.choices, expected);
  EXPECT_NE(result.text.find("the last words"), std::string::npos);
}

TEST(Isolated, ARunThatHoldsIsNoFailure) {
  constexpr Case kWell{"well", "", run_well};
  IsolatedResult result = run_isolated(kWell, Choices(5), {});
  EXPECT_FALSE(result.failed) << result.kind << result.text;
  EXPECT_EQ(result.choices.size(), kLength);
}

}  // namespace
}  // namespace gatio::harness
