// What tasks cost on one driver, with nobody else to run: awaiting, spawning and joining, yielding.
#include "harness/bench/on_runtime.hpp"

namespace gatio::bench {
namespace {

Task<void> nothing() {
  co_return;
}

void spawn_join(benchmark::State& state) {
  on_runtime(state, {}, [&](Runtime&) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      Executor& here = *Driver::current();
      for (auto _ : state) {
        if (!scope.spawn_on(here, nothing)) state.SkipWithError("the task was not spawned");
        co_await scope.join();
      }
    });
  });
}
BENCHMARK(spawn_join);

// The same where placement chooses the driver, of which there is one.
void spawn_join_placed(benchmark::State& state) {
  on_runtime(state, {}, [&](Runtime&) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (auto _ : state) {
        if (!scope.spawn(nothing)) state.SkipWithError("the task was not spawned");
        co_await scope.join();
      }
    });
  });
}
BENCHMARK(spawn_join_placed);

// Many children at a time: what a fan-out pays for each.
void spawn_join_many(benchmark::State& state) {
  on_runtime(state, {}, [&](Runtime&) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      Executor& here = *Driver::current();
      for (auto _ : state) {
        for (int64_t i = 0; i < state.range(0); ++i) {
          if (!scope.spawn_on(here, nothing)) state.SkipWithError("the task was not spawned");
        }
        co_await scope.join();
      }
    });
  });
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(spawn_join_many)->Arg(64);

Task<int64_t> chain(int64_t depth) {
  if (depth == 1) co_return 1;
  co_return 1 + co_await chain(depth - 1);
}

void await_chain(benchmark::State& state) {
  on_runtime(state, {}, [&](Runtime&) -> Task<void> {
    for (auto _ : state) benchmark::DoNotOptimize(co_await chain(state.range(0)));
  });
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(await_chain)->Arg(1)->Arg(10)->Arg(100);

// To the run queue and back.
void yield_hop(benchmark::State& state) {
  on_runtime(state, {}, [&](Runtime&) -> Task<void> {
    for (auto _ : state) co_await yield();
  });
}
BENCHMARK(yield_hop);

}  // namespace
}  // namespace gatio::bench
