// Runs a benchmark's loop inside a task of a runtime: starts the drivers that a mix asks for,
// awaits the loop on the first of them, and shuts down. Owned by the benchmark. The State is
// touched by one thread at a time: the loop begins and ends on the first driver, while the
// benchmark's own thread waits in run().
#pragma once

#include <benchmark/benchmark.h>

#include <gatio.hpp>
#include <string>
#include <utility>

namespace gatio::bench {

struct Setup {
  std::string mix = "1both";
  unsigned spin_us = 0;
};

// `loop(runtime)` returns the Task<void> with `for (auto _ : state)` in it. What keeps the runtime
// from starting is the benchmark's error.
template <typename Loop>
void on_runtime(benchmark::State& state, const Setup& setup, Loop loop) {
  LinuxKernel kernel;
  Result<config::Mix> mix = config::parse_mix(setup.mix);
  if (!mix) return state.SkipWithError(mix.error().message().c_str());
  RuntimeOptions options;
  options.config.tpcs = {{.nodes = {}, .drivers = std::move(*mix)}};
  options.config.spin_us = setup.spin_us;
  Runtime runtime(kernel, std::move(options));
  runtime.on_start([&]() -> Task<void> {
    co_await loop(runtime);
    runtime.shutdown();
  });
  if (Result<void> ran = runtime.run(); !ran) state.SkipWithError(ran.error().message().c_str());
}

}  // namespace gatio::bench
