// What one placement decision costs, by policy and number of drivers.
#include <benchmark/benchmark.h>

#include <string>

#include "runtime/tpc/placement.hpp"

namespace gatio {
namespace {

void choose(benchmark::State& state) {
  Placement placement(static_cast<Policy>(state.range(0)), 1);
  auto count = static_cast<unsigned>(state.range(1));
  std::vector<DriverLoad> loads(count);
  for (unsigned i = 0; i < count; ++i) {
    loads[i] = {.index = i, .executes = true, .queued_ns = {0, i * 37 % 11 * 100, 0}, .core = i};
  }
  Hints hints{.from_driver = count / 2};
  for (auto _ : state) {
    benchmark::DoNotOptimize(loads.data());
    benchmark::DoNotOptimize(placement.choose(loads, hints));
  }
  state.SetLabel(std::string(name_of(placement.policy())));
}
BENCHMARK(choose)->ArgNames({"policy", "drivers"})->ArgsProduct({{0, 1, 2, 3, 4}, {8, 128}});

}  // namespace
}  // namespace gatio
