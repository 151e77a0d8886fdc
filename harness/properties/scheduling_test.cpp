// Properties S1, S2, S3, S6 and S12: programs of tasks on any mix, under any schedule.
#include <gtest/gtest.h>

#include "harness/properties/test_support.hpp"

namespace gatio::harness {
namespace {

TEST(S1, NoWakeUpIsLost) {
  hold("S1 no wake-up is lost", {.topologies = {"numa:1 core:3 pu:1"}, .times = 400}, run_program,
       {"a parked driver is woken by another one", "a driver is interrupted while it parks",
        "a task hops"});
}

TEST(S2, ATaskRunsOnceAndOnOneDriverAtATime) {
  hold("S2 exclusion", {.times = 400}, run_program,
       {"a task hops", "a scope is asked to stop", "an exception reaches the joiner",
        "a file is used"});
}

TEST(S3, RolesHoldFromStartToShutdown) {
  hold("S3 roles",
       {.mixes = {"1io+1exec", "1io+2exec", "1io+1exec+1both", "2io+1exec"},
        .shuts_down = true,
        .worst = Faults::costly,
        .times = 250},
       run_program, {"an exec driver runs", "an io driver does I/O", "a file is used"});
}

TEST(S3, RolesHoldWhereStreamsAreServed) {
  hold("S3 roles of streams",
       {.mixes = {"1io+1exec", "1io+2exec", "1io+1exec+1both"}, .worst = Faults::costly}, run_load,
       {"an exec driver runs", "an io driver does I/O", "a task gets its bytes back"});
}

TEST(S6, NobodySleepsWhileThereIsWork) {
  hold("S6 work conservation", {.tight = true, .times = 250}, run_load,
       {"a parked driver is woken by another one", "a task gets its bytes back"});
}

TEST(S12, AProgramEndsFromEveryState) {
  hold("S12 a program drains", {.shuts_down = true, .worst = Faults::costly, .times = 300},
       run_program, {"a program ends though it is shut down", "a deadline passes"});
}

TEST(S12, StreamsEndFromEveryState) {
  hold("S12 streams drain", {.shuts_down = true, .worst = Faults::costly, .times = 300}, run_load,
       {"a half-closed stream comes back whole", "a connection is reset", "a client breaks off"});
}

}  // namespace
}  // namespace gatio::harness
