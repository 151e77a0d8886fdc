// Whole simulated runs, as `gatio explore` makes them: one iteration is one seed. Counters: choices
// in a run (mean), runs a second, and choices a second, all by CPU time of the one thread. A run's
// time grows with its choices, so the last is what cases of different size have in common;
// `choices:200` makes those runs alone, of all cases, that have about 200.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "harness/simulation/cases.hpp"

namespace gatio::harness {
namespace {

struct Run {
  const Case* which;
  uint64_t seed;
};

CaseResult make(const Run& run) {
  fakes::Choices choices(run.seed);
  choices.record(false);
  return run.which->run(choices, {});
}

// `run_of` gives the i-th run.
template <typename RunOf>
void explore(benchmark::State& state, RunOf run_of) {
  uint64_t made = 0;
  uint64_t choices = 0;
  for (auto _ : state) {
    CaseResult result = make(run_of(made++));
    if (!result.findings.empty()) {
      state.SkipWithError(result.findings.front().c_str());
      break;
    }
    choices += result.choices;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["choices"] =
      benchmark::Counter(static_cast<double>(choices), benchmark::Counter::kAvgIterations);
  state.counters["choices_per_second"] =
      benchmark::Counter(static_cast<double>(choices), benchmark::Counter::kIsRate);
}

// The first runs of all cases with 150 to 250 choices.
std::vector<Run> runs_of_200() {
  constexpr size_t kRuns = 1'000;
  std::vector<Run> runs;
  for (uint64_t seed = 1; runs.size() < kRuns; ++seed) {
    const Run run{&all_cases()[seed % all_cases().size()], seed};
    uint64_t choices = make(run).choices;
    if (choices >= 150 && choices <= 250) runs.push_back(run);
  }
  return runs;
}

void explore_200(benchmark::State& state) {
  static const std::vector<Run> runs = runs_of_200();
  explore(state, [](uint64_t i) { return runs[i % runs.size()]; });
}
BENCHMARK(explore_200)->Name("explore/choices:200");

const bool registered = [] {
  for (const Case& which : all_cases()) {
    std::string name = std::string("explore/case:") + which.name;
    benchmark::RegisterBenchmark(name.c_str(), [&which](benchmark::State& state) {
      explore(state, [&which](uint64_t i) { return Run{&which, i + 1}; });
    })->Iterations(5'000);
  }
  return true;
}();

}  // namespace
}  // namespace gatio::harness
