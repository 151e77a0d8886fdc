// Whole simulated runs, as `gatio explore` makes them: one iteration is one seed. Counters: choices
// in a run (mean), runs a second, and choices a second, all by CPU time of the one thread. A run's
// time grows with its choices, so the last is what cases of different size have in common.
#include <benchmark/benchmark.h>

#include <string>

#include "harness/simulation/cases.hpp"

namespace gatio::harness {
namespace {

void explore(benchmark::State& state, const Case& which) {
  uint64_t seed = 0;
  uint64_t choices_made = 0;
  for (auto _ : state) {
    fakes::Choices choices(++seed);
    choices.record(false);
    CaseResult result = which.run(choices, {});
    if (!result.findings.empty()) {
      state.SkipWithError(result.findings.front().c_str());
      break;
    }
    choices_made += result.choices;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["choices"] =
      benchmark::Counter(static_cast<double>(choices_made), benchmark::Counter::kAvgIterations);
  state.counters["choices_per_second"] =
      benchmark::Counter(static_cast<double>(choices_made), benchmark::Counter::kIsRate);
}

const bool registered = [] {
  for (const Case& which : all_cases()) {
    std::string name = std::string("explore/case:") + which.name;
    benchmark::RegisterBenchmark(name.c_str(), [&which](benchmark::State& state) {
      explore(state, which);
    })->Iterations(5'000);
  }
  return true;
}();

}  // namespace
}  // namespace gatio::harness
