#include "harness/simulation/shape.hpp"

#include "harness/simulation/trace_checks.hpp"
#include "runtime/config/mix.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using fakes::Strategy;

// A mix and the machines that it fits.
struct MixOnMachines {
  const char* mix;
  const char* topologies[2];
};
constexpr const char* kOneNode = "numa:1 core:3 pu:1";
constexpr const char* kTwoNodes = "numa:2 core:3 pu:1";
constexpr const char* kOneNodeOfTwins = "numa:1 core:2 pu:2";
constexpr const char* kTwoNodesOfTwins = "numa:2 core:2 pu:2";
constexpr MixOnMachines kMixes[] = {
    {"1both", {kOneNode, kTwoNodes}},
    {"1io+1exec", {kOneNode, kTwoNodes}},
    {"2both", {kOneNode, kTwoNodes}},
    {"1io+2exec", {kOneNode, kTwoNodes}},
    {"1io+1exec+1both", {kOneNode, kTwoNodes}},
    {"3both", {kOneNode, kTwoNodes}},
    // The nodes differ: tasks and operations go to the TPC that can take them.
    {"0:1io,1:1exec", {kTwoNodes, kTwoNodes}},
    {"0:2io,1:2exec", {kTwoNodes, kTwoNodes}},
    {"0:1exec,1:1io+1exec", {kTwoNodes, kTwoNodes}},
    {"0:1io,1:1exec+1both", {kTwoNodes, kTwoNodes}},
    // An exec driver's operations go to the other half of its core.
    {"1pair", {kOneNodeOfTwins, kTwoNodesOfTwins}},
    {"2pair", {kOneNodeOfTwins, kTwoNodesOfTwins}},
};
constexpr const char* kPolicies[] = {"best", "least_work", "round_robin", "two_choices",
                                     "affinity"};

constexpr unsigned kSmallSq = 2;
constexpr uint32_t kTraceOneIn = 15;

}  // namespace

Shape make_shape(const ShapeOptions& options) {
  Shape shape;
  shape.text = options.mix + " on " + options.topology + ", " + options.policy +
               (options.pct ? ", pct" : "") + (options.old_kernel ? ", without sync_message" : "") +
               (options.spins ? ", spinning" : "") + (options.faulty ? ", faults" : "");
  shape.faulty = options.faulty;
  fakes::SchedulerOptions& scheduler = shape.simulation.scheduler;
  scheduler.strategy = options.pct ? Strategy::pct : Strategy::random;
  scheduler.preempt_one_in = options.preempts ? 4 : 0;
  scheduler.pct_depth = options.pct_depth;
  shape.simulation.kernel.topology = options.topology;
  shape.simulation.kernel.sync_message = !options.old_kernel;

  config::RuntimeConfig& config = shape.runtime.config;
  config.placement = options.policy;
  config.heap_mb = 8;  // Four drivers share it, and large answers must not lack it.
  config.sq_entries = 16;
  config.cq_entries = options.cq_entries;
  config.spin_us = options.spins ? 20 : 0;
  config.tpcs = {
      config::TpcConfig{.nodes = {}, .drivers = *config::parse_mix(options.mix), .declared = {}}};
  if (options.small_rings) shrink_rings(shape);
  return shape;
}

void shrink_rings(Shape& shape) {
  if (shape.runtime.config.sq_entries == kSmallSq) return;
  shape.text += ", small rings";
  shape.runtime.config.sq_entries = kSmallSq;
  shape.runtime.config.cq_entries = 2 * kSmallSq;
}

Shape choose_shape(fakes::Choices& choices, const CaseOptions& options) {
  auto choose = [&](size_t bound) {
    return choices.choose(ChoiceKind::program, static_cast<uint32_t>(bound));
  };
  ShapeOptions shape;
  const MixOnMachines& mix = kMixes[choose(std::size(kMixes))];
  shape.mix = mix.mix;
  shape.topology = mix.topologies[choose(std::size(mix.topologies))];
  shape.policy = kPolicies[choose(std::size(kPolicies))];
  shape.preempts = options.preempt;
  shape.pct = options.preempt && choose(2) == 1;
  shape.old_kernel = choices.one_in(ChoiceKind::program, 4);
  shape.spins = choices.one_in(ChoiceKind::program, 4);
  shape.small_rings = choices.one_in(ChoiceKind::program, 3);
  shape.faulty = choices.one_in(ChoiceKind::program, 3);
  shape.pct_depth = 2 + choose(3);
  Shape made = make_shape(shape);
  made.simulation.kernel.memory_fill = options.memory_fill;
  return made;
}

// By a choice, so that a replay keeps it as well.
void keep_trace(Simulation& simulation, fakes::Choices& choices, const CaseOptions& options) {
  bool chosen = choices.one_in(ChoiceKind::program, kTraceOneIn);
  simulation.world().trace.keep(chosen || options.keep_trace);
}

CaseResult result_of(Simulation& simulation, const Shape& shape, fakes::Choices& choices,
                     uint64_t begun_ns) {
  if (simulation.ended() && simulation.world().trace.keeps()) check_trace(simulation);
  CaseResult result;
  result.findings = simulation.findings();
  result.ended = simulation.ended();
  result.shape = shape.text;
  fakes::World& world = simulation.world();
  result.trace_hash = world.trace.hash();
  result.trace = world.trace.entries();
  result.events = world.trace.count();
  result.choices = choices.count();
  result.steps = simulation.scheduler().steps();
  result.preemptions = simulation.scheduler().preemptions();
  result.faults = choices.faults();
  for (const DriverMetrics& driver : simulation.metrics().drivers) result.cqes += driver.cqes;
  result.virtual_ns = world.now_ns - begun_ns;
  result.threads = simulation.scheduler().names();
  return result;
}

}  // namespace gatio::harness
