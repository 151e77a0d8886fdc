// Property S15: of everything that can fail in a run, each fails once, alone, at each place where
// it can; and nothing else changes up to there. S1 to S14 hold all the same.
#include <gtest/gtest.h>

#include "harness/properties/test_support.hpp"

namespace gatio::harness {
namespace {

Trial small_trial(const char* mix, uint64_t seed) {
  Trial trial;
  trial.seed = seed;
  trial.shape.mix = mix;
  trial.shape.topology = "numa:1 core:3 pu:1";
  trial.faults = Faults::swept;
  trial.load.may_lose = true;
  trial.load.may_fail = true;
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

TEST(S15, EachFaultOfAProgram) {
  for (const char* mix : kMixes) {
    for (uint64_t seed = 7; seed < 11; ++seed) {
      Trial trial = small_trial(mix, seed);
      trial.program = small_program();
      sweep(mix, trial, run_program, {"a start fails", "a fault strikes a run that serves"});
    }
  }
}

TEST(S15, EachFaultOfStreams) {
  for (const char* mix : kMixes) {
    for (uint64_t seed = 7; seed < 11; ++seed) {
      sweep(mix, small_trial(mix, seed), run_load,
            {"a start fails", "a fault strikes a run that serves", "a connection is reset"});
    }
  }
}

}  // namespace
}  // namespace gatio::harness
