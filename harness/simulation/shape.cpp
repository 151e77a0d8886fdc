#include "harness/simulation/shape.hpp"

#include "runtime/config/mix.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using fakes::Strategy;

constexpr const char* kMixes[] = {"1both",     "1io+1exec",       "2both",
                                  "1io+2exec", "1io+1exec+1both", "3both"};
constexpr const char* kTopologies[] = {"numa:1 core:3 pu:1", "numa:2 core:3 pu:1"};
constexpr const char* kPolicies[] = {"best", "least_work", "round_robin", "two_choices",
                                     "affinity"};

}  // namespace

Shape choose_shape(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape;
  const char* mix = kMixes[choices.choose(ChoiceKind::program, std::size(kMixes))];
  const char* topology = kTopologies[choices.choose(ChoiceKind::program, std::size(kTopologies))];
  const char* policy = kPolicies[choices.choose(ChoiceKind::program, std::size(kPolicies))];
  bool pct = options.preempt && choices.choose(ChoiceKind::program, 2) == 1;
  bool old_kernel = choices.one_in(ChoiceKind::program, 4);
  bool spins = choices.one_in(ChoiceKind::program, 4);
  bool small_rings = choices.one_in(ChoiceKind::program, 3);
  shape.faulty = choices.one_in(ChoiceKind::program, 3);

  shape.text = std::string(mix) + " on " + topology + ", " + policy + (pct ? ", pct" : "") +
               (old_kernel ? ", without sync_message" : "") + (spins ? ", spinning" : "") +
               (small_rings ? ", small rings" : "") + (shape.faulty ? ", faults" : "");
  fakes::SchedulerOptions& scheduler = shape.simulation.scheduler;
  scheduler.strategy = pct ? Strategy::pct : Strategy::random;
  scheduler.preempt_one_in = options.preempt ? 4 : 0;
  scheduler.pct_depth = 2 + choices.choose(ChoiceKind::program, 3);
  shape.simulation.kernel.topology = topology;
  shape.simulation.kernel.sync_message = !old_kernel;

  config::RuntimeConfig& config = shape.runtime.config;
  config.placement = policy;
  config.heap_mb = 4;
  config.sq_entries = small_rings ? 2 : 16;
  config.cq_entries = small_rings ? 4 : 32;
  config.spin_us = spins ? 20 : 0;
  config.tpcs = {
      config::TpcConfig{.nodes = {}, .drivers = *config::parse_mix(mix), .declared = {}}};
  return shape;
}

CaseResult result_of(Simulation& simulation, const Shape& shape, fakes::Choices& choices,
                     uint64_t begun_ns) {
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
  result.virtual_ns = world.now_ns - begun_ns;
  result.threads = simulation.scheduler().names();
  return result;
}

}  // namespace gatio::harness
