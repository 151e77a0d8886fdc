// The canaries of the properties: one that is falsified, one whose interesting case never happens,
// and a fault that is not borne turn their tests red.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "harness/properties/test_support.hpp"

namespace gatio::harness {
namespace {

CaseResult run_falsified(const Trial& trial, fakes::Choices&) {
  CaseResult result;
  if (trial.program.steps.size() >= 2) result.findings.push_back("S99: planted");
  return result;
}

// Falsified by the one fault of the run.
CaseResult run_fragile(const Trial&, fakes::Choices& choices) {
  constexpr uint32_t kSweptOneIn = 100'000'000;
  CaseResult result;
  if (choices.one_in(fakes::ChoiceKind::fault, kSweptOneIn))
    result.findings.push_back("S99: planted");
  return result;
}

CaseResult run_well(const Trial&, fakes::Choices&) {
  return {};
}

TEST(PropertyCanary, WhatIsFalsifiedIsAFailure) {
  EXPECT_NONFATAL_FAILURE(hold("planted", {}, run_falsified, {}), "S99");
}

TEST(PropertyCanary, WhatNeverHappensIsAFailure) {
  EXPECT_NONFATAL_FAILURE(hold("planted", {}, run_well, {"this never happens"}),
                          "too seldom this never happens");
}

TEST(PropertyCanary, AFaultThatIsNotBorneIsAFailure) {
  EXPECT_NONFATAL_FAILURE(sweep("planted", {}, run_fragile, {}), "S99");
}

}  // namespace
}  // namespace gatio::harness
