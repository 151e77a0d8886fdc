// Property S15: of everything that can fail in a run, each fails once, alone, at each place where
// it can; and nothing else changes up to there. S1 to S14 hold all the same.
#include <gtest/gtest.h>

#include "harness/properties/test_support.hpp"

namespace gatio::harness {
namespace {

Trial small_trial(const char* mix, uint64_t seed, Faults faults) {
  Trial trial;
  trial.seed = seed;
  trial.shape.mix = mix;
  trial.shape.topology = "numa:1 core:3 pu:1";
  trial.faults = faults;
  trial.load.may_lose = trial.load.may_fail = faults != Faults::swept_outages;
  trial.load.buffers = 4;
  trial.load.clients = {{.stream = 0, .length = 700, .first_ns = 5'000}};
  trial.load.tasks = {{300, 20}};
  return trial;
}

ProgramNode leaf(unsigned number, std::vector<ProgramStep> steps) {
  return {.number = number, .steps = std::move(steps)};
}

// Hops, reads and writes a file, blocks, and waits for children that do so as well.
ProgramNode small_program() {
  ProgramNode root;
  root.steps = {{StepKind::hop, 1},         {StepKind::spawn, 0},  {StepKind::spawn_there, 1},
                {StepKind::file, 40},       {StepKind::block, 7},  {StepKind::deadline, 90},
                {StepKind::spawn_there, 0}, {StepKind::cancel, 0}, {StepKind::join, 0},
                {StepKind::all_of, 20}};
  root.children = {leaf(1, {{StepKind::sleep, 10}, {StepKind::file, 9}}),
                   leaf(2, {{StepKind::file, 30}, {StepKind::yield, 0}, {StepKind::hop, 0}}),
                   leaf(3, {{StepKind::any_of, 80}, {StepKind::block, 3}})};
  return root;
}

constexpr const char* kMixes[] = {"1both", "1io+1exec", "1io+1exec+1both"};

void sweep_program(Faults faults, uint64_t seeds, std::initializer_list<const char*> sometimes) {
  for (const char* mix : kMixes) {
    for (uint64_t seed = 7; seed < 7 + seeds; ++seed) {
      Trial trial = small_trial(mix, seed, faults);
      trial.program = small_program();
      sweep(mix, trial, run_program, sometimes);
    }
  }
}

void sweep_streams(Faults faults, uint64_t seeds, std::initializer_list<const char*> sometimes) {
  for (const char* mix : kMixes) {
    for (uint64_t seed = 7; seed < 7 + seeds; ++seed)
      sweep(mix, small_trial(mix, seed, faults), run_load, sometimes);
  }
}

TEST(S15, EachCallAndOperationOfAProgramFails) {
  sweep_program(Faults::swept_calls, 4, {"a start fails", "a fault strikes a run that serves"});
}

TEST(S15, EachCallAndOperationOfStreamsFails) {
  sweep_streams(Faults::swept_calls, 4,
                {"a start fails", "a fault strikes a run that serves", "a connection is reset"});
}

// An allocation that fails is an error at the spawn, or reaches the joiner.
TEST(S15, EachBlockOfAProgramIsRefused) {
  sweep_program(Faults::swept_blocks, 2,
                {"a fault strikes a run that serves", "a spawn is refused",
                 "a joiner learns that memory lacks"});
}

TEST(S15, EachBlockOfStreamsIsRefused) {
  sweep_streams(Faults::swept_blocks, 2, {"a fault strikes a run that serves"});
}

// What is only late is borne: every byte comes, and every task ends.
TEST(S15, EachCqeOfAProgramFindsNoRoomAndEachTurnIsLate) {
  sweep_program(Faults::swept_outages, 1, {"a fault strikes a run that serves", "a CQ overflows"});
}

TEST(S15, EachCqeOfStreamsFindsNoRoomAndEachTurnIsLate) {
  sweep_streams(
      Faults::swept_outages, 1,
      {"a task gets its bytes back", "a half-closed stream comes back whole", "a CQ overflows"});
}

}  // namespace
}  // namespace gatio::harness
