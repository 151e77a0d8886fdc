// Properties S4, S5, S8, S11, S13 and S14: streams of bytes, through rings whose traces are looked
// at.
#include <gtest/gtest.h>

#include "harness/properties/test_support.hpp"

namespace gatio::harness {
namespace {

TEST(S4, ARingIsTouchedByItsIssuerAlone) {
  hold("S4 ring ownership", {.worst = Faults::borne}, run_load,
       {"a parked driver is woken by another one", "a task gets its bytes back"});
}

TEST(S5, EachRequestEndsOnce) {
  hold("S5 conservation", {.shuts_down = true, .worst = Faults::costly}, run_load,
       {"a task connects", "a half-closed stream comes back whole"});
}

TEST(S5, EachRequestOfAProgramEndsOnce) {
  hold("S5 conservation in programs", {.tight = true, .worst = Faults::costly}, run_program,
       {"a file is used", "a task hops"});
}

TEST(S8, AStreamKeepsItsBytesInOrder) {
  hold("S8 order", {.tight = true, .times = 300}, run_load,
       {"a half-closed stream comes back whole", "a receive lacks a buffer",
        "a task gets its bytes back", "a multishot request ends and is armed again"});
}

TEST(S11, ACancelledReceiveLosesNoByte) {
  hold("S11 cancelled receives", {.cancels = true, .times = 250}, run_load,
       {"a receive is cancelled", "a half-closed stream comes back whole"});
}

TEST(S11, ACancelledTaskEndsOnceAndLeavesNothing) {
  hold("S11 cancelled tasks", {.times = 400}, run_program,
       {"a scope is asked to stop", "a sleep is cut short", "a deadline passes"});
}

TEST(S13, PressureIsNeitherEndNorSpin) {
  hold("S13 back-pressure", {.tight = true, .worst = Faults::borne, .times = 300}, run_load,
       {"a receive lacks a buffer", "a failed request is armed again",
        "a half-closed stream comes back whole"});
}

TEST(S13, AFullCqIsNoEnd) {
  hold("S13 a full CQ", {.mixes = {"1both", "1io+1exec"}, .crowd = true, .times = 60}, run_load,
       {"a CQ overflows", "a half-closed stream comes back whole",
        "a multishot request ends and is armed again"});
}

TEST(S14, AMultishotIsArmedOnceAndArmedAgain) {
  hold("S14 multishot", {.cancels = true, .tight = true, .worst = Faults::borne, .times = 250},
       run_load, {"a multishot request ends and is armed again"});
}

}  // namespace
}  // namespace gatio::harness
