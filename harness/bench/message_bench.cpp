// What a message to a driver on another core and back costs: a task hops there and returns. A
// driver that spins on its mailbox is running and sees the message; one that does not spin has
// parked and is woken by MSG_RING.
#include "harness/bench/on_runtime.hpp"

namespace gatio::bench {
namespace {

void there_and_back(benchmark::State& state, unsigned spin_us) {
  LinuxKernel kernel;
  Result<Topology> topology = kernel.topology();
  if (!topology) return state.SkipWithError(topology.error().message().c_str());
  if (topology->nodes.empty() || topology->nodes[0].cores.size() < 2) {
    return state.SkipWithError("skipped: a message to another core needs two cores");
  }
  on_runtime(state, {.mix = "2both", .spin_us = spin_us}, [&](Runtime& runtime) -> Task<void> {
    Driver& here = *Driver::current();
    Driver& there = *runtime.tpcs()[0]->drivers()[1];
    for (auto _ : state) {
      Result<void> gone = co_await hop_to(there);
      Result<void> back = co_await hop_to(here);
      if (!gone || !back) state.SkipWithError("the task could not hop");
    }
    state.counters["parks"] = static_cast<double>(there.stats().parks);
  });
}
BENCHMARK_CAPTURE(there_and_back, running, 1'000)->UseRealTime();
BENCHMARK_CAPTURE(there_and_back, parked, 0)->UseRealTime();

}  // namespace
}  // namespace gatio::bench
