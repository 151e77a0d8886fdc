// A run in a process of its own is reported however it ends, and shrinking finds the least choice
// list that still fails in the same way.
#include "harness/simulation/isolated.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "fakes/fiber.hpp"
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

CaseResult run_exit(Choices& choices, const CaseOptions&) {
  choose_all(choices);
  _exit(1);
}

CaseResult run_leave(Choices& choices, const CaseOptions&) {
  choose_all(choices);
  _exit(0);
}

CaseResult run_killed(Choices& choices, const CaseOptions&) {
  choose_all(choices);
  raise(SIGKILL);
  return {};
}

// Each end but a caught signal was "ended by signal -127", or the like, with no choices: with all
// of them 0.
TEST(Isolated, AnEndThatIsNotCaughtIsToldAsItWas) {
  constexpr Case kExit{"exit", "", run_exit};
  constexpr Case kKilled{"killed", "", run_killed};
  IsolatedResult exited = run_isolated(kExit, Choices(5), {});
  EXPECT_TRUE(exited.failed);
  EXPECT_EQ(exited.kind, "ended with exit code 1");
  EXPECT_FALSE(exited.has_choices);
  IsolatedResult killed = run_isolated(kKilled, Choices(5), {});
  EXPECT_TRUE(killed.failed);
  EXPECT_EQ(killed.kind, "ended by signal 9");
  EXPECT_FALSE(killed.has_choices);
}

// It was a failure of no kind.
TEST(Isolated, AnExitWith0AmidARunIsAFailure) {
  constexpr Case kLeave{"leave", "", run_leave};
  IsolatedResult left = run_isolated(kLeave, Choices(5), {});
  EXPECT_TRUE(left.failed);
  EXPECT_EQ(left.kind, "ended with exit code 0");
}

// Most of a page each time, until there are no pages left.
unsigned fill_stack(unsigned depth) {
  volatile char frame[4000];
  frame[depth % sizeof frame] = 1;
  if (depth > 1'000'000) return 0;
  return fill_stack(depth + 1) + static_cast<unsigned char>(frame[depth % sizeof frame]);
}

CaseResult run_out_of_stack(Choices& choices, const CaseOptions&) {
  choose_all(choices);
  fakes::Fiber fiber([] { fill_stack(0); });
  fiber.resume();
  return {};
}

// The signal had no stack to be caught on.
TEST(Isolated, AFiberThatRunsOutOfStackIsReportedWithItsChoices) {
  constexpr Case kOut{"out", "", run_out_of_stack};
  Choices same(5);
  IsolatedResult result = run_isolated(kOut, Choices(5), {});
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.kind, "ended by signal 11");
  EXPECT_EQ(result.choices, choose_all(same));
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
CaseResult run_past_its_end(Choices& choices, const CaseOptions&) {
  std::vector<uint32_t> values = choose_all(choices);
  const volatile uint32_t* end = values.data() + values.capacity();
  CaseResult result;
  result.choices = *end;
  return result;
}

// It ended the process with an exit code, and nothing was saved.
TEST(Isolated, WhatASanitizerFindsIsReportedWithItsChoices) {
  constexpr Case kPast{"past", "", run_past_its_end};
  Choices same(5);
  IsolatedResult result = run_isolated(kPast, Choices(5), {});
  EXPECT_TRUE(result.failed);
  EXPECT_NE(result.text.find("heap-buffer-overflow"), std::string::npos) << result.text;
  EXPECT_EQ(result.choices, choose_all(same));
}
#endif
#endif

TEST(Isolated, ARunThatHoldsIsNoFailure) {
  constexpr Case kWell{"well", "", run_well};
  IsolatedResult result = run_isolated(kWell, Choices(5), {});
  EXPECT_FALSE(result.failed) << result.kind << result.text;
  EXPECT_EQ(result.choices.size(), kLength);
}

}  // namespace
}  // namespace gatio::harness
