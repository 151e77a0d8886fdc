// A campaign finds what was planted, says the same with one worker as with two, and every run
// depends on its seed alone.
#include "harness/campaign.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "harness/simulation/isolated.hpp"
#include "harness/simulation/simulation.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using fakes::Choices;

constexpr uint64_t kPlantedSeed = 177;
constexpr uint32_t kBound = 1'000'000'000;

// Whether this is the run of the planted seed.
bool is_planted(Choices& choices) {
  return choices.choose(ChoiceKind::program, kBound) ==
         Choices(kPlantedSeed).choose(ChoiceKind::program, kBound);
}

CaseResult run_finding(Choices& choices, const CaseOptions&) {
  CaseResult result;
  if (is_planted(choices)) result.findings.push_back("S99: planted");
  Sometimes::hit("a seed is run");
  return result;
}

CaseResult run_crash(Choices& choices, const CaseOptions&) {
  if (is_planted(choices)) std::abort();
  return {};
}

// Seed 33, the first of the second batch, fails at once; seed 20 after a while, which is in the
// first.
CaseResult run_two_findings(Choices& choices, const CaseOptions&) {
  const uint32_t drawn = choices.choose(ChoiceKind::program, kBound);
  auto is = [drawn](uint64_t seed) {
    return drawn == Choices(seed).choose(ChoiceKind::program, kBound);
  };
  if (is(1)) usleep(200'000);
  CaseResult result;
  if (is(20) || is(33)) result.findings.push_back("S99: planted");
  return result;
}

CampaignResult campaign(std::vector<const Case*> cases, uint64_t last_seed, unsigned workers,
                        uint64_t first_seed = 1) {
  CampaignOptions options;
  options.first_seed = first_seed;
  options.last_seed = last_seed;
  options.workers = workers;
  options.cases = std::move(cases);
  Interrupt interrupt;
  return run_campaign(options, interrupt);
}

TEST(Campaign, FindsAPlantedFailure) {
  constexpr Case kFinding{"finding", "", run_finding};
  constexpr Case kCrash{"crash", "", run_crash};
  for (const Case* which : {&kFinding, &kCrash}) {
    for (unsigned workers : {1u, 2u}) {
      CampaignResult result = campaign({which}, 400, workers);
      ASSERT_TRUE(result.failure.has_value()) << which->name;
      EXPECT_EQ(result.failure->seed, kPlantedSeed) << which->name;
      EXPECT_EQ(result.failure->which, which);
      EXPECT_TRUE(run_isolated(*which, Choices(result.failure->seed), {}).failed);
    }
  }
}

TEST(Campaign, CountsEverySeedOnce) {
  constexpr Case kFinding{"finding", "", run_finding};
  CampaignResult result = campaign({&kFinding}, kPlantedSeed - 1, 2);
  EXPECT_FALSE(result.failure.has_value());
  EXPECT_EQ(result.runs, kPlantedSeed - 1);
  EXPECT_EQ(result.sometimes["a seed is run"], kPlantedSeed - 1);
}

// Another worker stopped behind its current run, and which seed was the lowest was left to chance.
TEST(Campaign, TheLowestSeedThatFailsIsToldWhoeverIsFirst) {
  constexpr Case kTwoFindings{"two findings", "", run_two_findings};
  CampaignResult result = campaign({&kTwoFindings}, 400, 2);
  ASSERT_TRUE(result.failure.has_value());
  EXPECT_EQ(result.failure->seed, 20u);
}

// It went on from 0, without end.
TEST(Campaign, TheGreatestSeedIsTheLastOne) {
  constexpr Case kFinding{"finding", "", run_finding};
  constexpr uint64_t kGreatest = ~uint64_t{0};
  EXPECT_EQ(campaign({&kFinding}, kGreatest, 2, kGreatest).runs, 1u);
  EXPECT_EQ(campaign({&kFinding}, kGreatest, 2, kGreatest - 99).runs, 100u);
}

// Where a worker could open no file to hide its words in, it crashed.
TEST(Campaign, NeedsNoFile) {
  constexpr Case kFinding{"finding", "", run_finding};
  CampaignOptions options{.last_seed = 10, .cases = {&kFinding}};
  Interrupt interrupt;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  CampaignResult result = run_campaign(options, interrupt);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(result.failure.has_value());
  EXPECT_EQ(result.runs, 10u);
}

TEST(Campaign, SaysTheSameWithOneWorkerAndWithTwo) {
  std::vector<const Case*> cases;
  for (const Case& each : all_cases()) cases.push_back(&each);
  CampaignResult one = campaign(cases, 120, 1);
  CampaignResult two = campaign(cases, 120, 2);
  ASSERT_FALSE(one.failure || two.failure);
  EXPECT_EQ(one.runs, 120u);
  EXPECT_EQ(one.hash, two.hash);
  EXPECT_EQ(one.steps, two.steps);
  EXPECT_EQ(one.sometimes, two.sometimes);
}

TEST(Determinism, TheSameSeedGivesTheSameTrace) {
  for (const Case& which : all_cases()) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      IsolatedResult first = run_isolated(which, Choices(seed), {});
      IsolatedResult again = run_isolated(which, Choices(seed), {});
      IsolatedResult replayed = run_isolated(which, Choices(first.choices), {});
      ASSERT_FALSE(first.failed) << first.text;
      EXPECT_EQ(first.trace_hash, again.trace_hash) << which.name << ", seed " << seed;
      EXPECT_EQ(first.choices, again.choices) << which.name << ", seed " << seed;
      EXPECT_EQ(first.trace_hash, replayed.trace_hash) << which.name << ", seed " << seed;
    }
  }
}

// Linux gives zeros; the fake gives what an earlier run has left, which may be anything.
TEST(Determinism, WhatMappedMemoryHeldBeforeDoesNotMatter) {
  for (const Case& which : all_cases()) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      IsolatedResult zeros = run_isolated(which, Choices(seed), {.memory_fill = 0x00});
      IsolatedResult noise = run_isolated(which, Choices(seed), {.memory_fill = 0xA5});
      ASSERT_FALSE(zeros.failed || noise.failed) << zeros.text << noise.text;
      EXPECT_EQ(zeros.trace_hash, noise.trace_hash) << which.name << ", seed " << seed;
    }
  }
}

TEST(Determinism, OneOtherChoiceGivesAnotherTrace) {
  unsigned changed = 0;
  for (const Case& which : all_cases()) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      Choices choices(seed);
      CaseResult first = which.run(choices, {});
      ASSERT_TRUE(first.ended && first.findings.empty());
      // The last time that another driver could have had its turn.
      std::vector<uint32_t> list;
      size_t last = 0;
      for (const fakes::Choice& choice : choices.made()) {
        if (choice.kind == ChoiceKind::thread) last = list.size();
        list.push_back(choice.value);
      }
      if (last == 0) continue;
      list[last] = (list[last] + 1) % choices.made()[last].bound;
      IsolatedResult other = run_isolated(which, Choices(list), {});
      EXPECT_NE(other.trace_hash, first.trace_hash) << which.name << ", seed " << seed;
      ++changed;
    }
  }
  EXPECT_GE(changed, 20u);
}

}  // namespace
}  // namespace gatio::harness
