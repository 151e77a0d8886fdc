#include "harness/properties/test_support.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <stdlib.h>

#include <map>
#include <new>
#include <sstream>

#include "harness/simulation/isolated.hpp"

namespace gatio::harness {
namespace {

constexpr uint64_t kAtLeast = 5;
constexpr uint32_t kSweptOneIn = 100'000'000;

// A program as a list, which rapidcheck shrinks by leaving out: a spawn begins a child, and what
// follows is the child's until `ends`.
struct FlatStep {
  ProgramStep step;
  Priority priority = Priority::normal;
  bool ends = false;
};

void read_node(const std::vector<FlatStep>& list, size_t& at, unsigned& number, unsigned depth,
               ProgramNode& node) {
  constexpr unsigned kDeepest = 4;
  node.number = number++;
  while (at < list.size()) {
    const FlatStep& item = list[at++];
    if (item.ends && depth > 0) return;
    bool spawns = item.step.kind == StepKind::spawn || item.step.kind == StepKind::spawn_there;
    if (spawns && depth == kDeepest) continue;
    node.steps.push_back(item.step);
    if (!spawns) continue;
    ProgramNode& child = node.children.emplace_back();
    child.priority = item.priority;
    read_node(list, at, number, depth + 1, child);
  }
}

rc::Gen<FlatStep> flat_step() {
  return rc::gen::exec([] {
    FlatStep item;
    item.ends = *rc::gen::weightedElement<bool>({{3, false}, {1, true}});
    item.step.kind = *rc::gen::weightedElement<StepKind>({{3, StepKind::yield},
                                                          {3, StepKind::sleep},
                                                          {3, StepKind::hop},
                                                          {2, StepKind::compute},
                                                          {2, StepKind::all_of},
                                                          {2, StepKind::any_of},
                                                          {2, StepKind::deadline},
                                                          {2, StepKind::file},
                                                          {2, StepKind::block},
                                                          {5, StepKind::spawn},
                                                          {3, StepKind::spawn_there},
                                                          {2, StepKind::cancel},
                                                          {2, StepKind::join},
                                                          {1, StepKind::fail}});
    // Of any size also where few steps are made.
    item.step.amount = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0u, 100u));
    item.priority = *rc::gen::element(Priority::normal, Priority::high, Priority::low);
    return item;
  });
}

EchoLoad random_load(const Wanted& wanted) {
  EchoLoad load;
  load.clients.resize(wanted.crowd ? *rc::gen::inRange<size_t>(20, 41)
                                   : *rc::gen::inRange<size_t>(1, 4));
  for (EchoClientOptions& client : load.clients) {
    client.stream = static_cast<size_t>(&client - load.clients.data());
    client.length = *rc::gen::inRange<size_t>(0, wanted.crowd ? 1'000 : 4'000);
    if (!wanted.crowd) client.first_ns = 1'000 * *rc::gen::inRange<uint64_t>(0, 100);
    client.slow = *rc::gen::weightedElement<bool>({{2, false}, {1, true}});
    client.may_break = *rc::gen::weightedElement<bool>({{3, false}, {1, true}});
  }
  load.tasks.resize(*rc::gen::inRange<size_t>(0, 3));
  for (std::vector<uint32_t>& pieces : load.tasks) {
    pieces.resize(*rc::gen::inRange<size_t>(1, 4));
    for (uint32_t& length : pieces) length = *rc::gen::inRange(1u, 900u);
  }
  load.buffers = wanted.crowd ? 64 : wanted.tight ? 2 : *rc::gen::element(16u, 4u);
  load.cancels = wanted.cancels && *rc::gen::weightedElement<bool>({{1, false}, {4, true}});
  return load;
}

Trial random_trial(const Wanted& wanted) {
  Trial trial;
  trial.seed = *rc::gen::noShrink(rc::gen::inRange<uint64_t>(1, 1'000'000'000));
  ShapeOptions& shape = trial.shape;
  shape.mix = *rc::gen::elementOf(wanted.mixes);
  shape.topology = *rc::gen::elementOf(wanted.topologies);
  shape.policy = *rc::gen::elementOf(wanted.policies);
  shape.preempts = wanted.preempts;
  shape.pct = wanted.preempts && *rc::gen::arbitrary<bool>();
  shape.pct_depth = *rc::gen::inRange(2u, 5u);
  shape.old_kernel = *rc::gen::weightedElement<bool>({{3, false}, {1, true}});
  shape.spins = *rc::gen::weightedElement<bool>({{3, false}, {1, true}});
  shape.cq_entries = wanted.tight || wanted.crowd ? 16 : 32;
  auto list = *rc::gen::scale(0.4, rc::gen::container<std::vector<FlatStep>>(flat_step()));
  size_t at = 0;
  unsigned number = 0;
  read_node(list, at, number, 0, trial.program);
  trial.load = random_load(wanted);
  if (wanted.worst != Faults::none) {
    trial.faults = *rc::gen::element(Faults::borne, wanted.worst);
    trial.fault_one_in = *rc::gen::element(64u, 32u, 16u, 8u, 4u);
    trial.load.may_lose = trial.faults == Faults::costly;
  }
  if (wanted.shuts_down && *rc::gen::weightedElement<bool>({{1, false}, {3, true}}))
    trial.shutdown_after_ns = 1'000 * *rc::gen::inRange<uint64_t>(0, 1'500);
  trial.amount = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0u, 100u));
  return trial;
}

// What the run in the other process is to do.
const Trial* the_trial = nullptr;
Run the_run = nullptr;
constexpr Case kProperty{"property", "a property", [](fakes::Choices& choices, const CaseOptions&) {
                           return the_run(*the_trial, choices);
                         }};

bool is_swept(Faults faults) {
  return faults == Faults::swept_calls || faults == Faults::swept_blocks ||
         faults == Faults::swept_outages;
}

CaseResult finish(Simulation& simulation, const Shape& shape, fakes::Choices& choices,
                  uint64_t begun_ns, const Trial& trial) {
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = print(trial);
  return result;
}

}  // namespace

void showValue(const Trial& trial, std::ostream& out) {
  out << "\n" << print(trial);
}

std::string print(const Trial& trial) {
  std::string text = make_shape(trial.shape).text + ", seed " + std::to_string(trial.seed) +
                     ", amount " + std::to_string(trial.amount);
  if (trial.faults == Faults::borne || trial.faults == Faults::costly)
    text += std::string(", faults ") +
            (trial.faults == Faults::borne ? "to be borne" : "that cost") + ", one in " +
            std::to_string(trial.fault_one_in);
  if (trial.shutdown_after_ns)
    text += ", shutdown after " + std::to_string(*trial.shutdown_after_ns / 1000) + " us";
  return text + "\n" + print(trial.program) + print(trial.load);
}

Shape shape_of(const Trial& trial) {
  Shape shape = make_shape(trial.shape);
  if (trial.faults == Faults::none) return shape;
  fakes::FaultPlan& faults = shape.simulation.faults;
  faults.short_transfer = faults.no_buffers = faults.accept_limit = trial.fault_one_in;
  faults.enter_eintr = faults.enter_busy = trial.fault_one_in;
  if (trial.faults == Faults::swept_blocks) {
    faults = {};
    shape.simulation.block_one_in = kSweptOneIn;
  }
  if (trial.faults == Faults::swept_outages) {
    faults = {};
    faults.cq_full = faults.ring_stall = faults.dead_thread = kSweptOneIn;
  }
  if (trial.faults == Faults::swept_calls) {
    faults.short_transfer = faults.no_buffers = faults.accept_limit = kSweptOneIn;
    faults.enter_eintr = faults.enter_busy = faults.operation_error = faults.reset = kSweptOneIn;
    faults.setup_no_memory = faults.register_error = faults.map_no_memory = kSweptOneIn;
    faults.socket_call = kSweptOneIn;
  }
  if (trial.faults == Faults::costly)
    faults.operation_error = faults.reset = 4 * trial.fault_one_in;
  return shape;
}

CaseResult run_task(const Trial& trial, fakes::Choices& choices,
                    const std::function<Task<void>(Simulation&)>& body) {
  Shape shape = shape_of(trial);
  Simulation simulation(choices, shape.simulation, shape.runtime);
  simulation.world().trace.keep(true);
  uint64_t begun_ns = simulation.world().now_ns;
  std::optional<ShutdownAt> shutdown;
  if (trial.shutdown_after_ns) shutdown.emplace(simulation, begun_ns + *trial.shutdown_after_ns);
  bool done = false;
  simulation.runtime().on_start([&]() -> Task<void> {
    co_await body(simulation);
    done = true;
    simulation.runtime().shutdown();
  });
  Result<void> ran = simulation.run();
  if (!ran) simulation.falsify("S12: the run failed: " + ran.error().message());
  if (simulation.ended() && !done && !trial.shutdown_after_ns)
    simulation.falsify("S1: the task did not come to its end");
  return finish(simulation, shape, choices, begun_ns, trial);
}

CaseResult run_program(const Trial& trial, fakes::Choices& choices) {
  Shape shape = shape_of(trial);
  Simulation simulation(choices, shape.simulation, shape.runtime);
  simulation.world().trace.keep(true);
  uint64_t begun_ns = simulation.world().now_ns;
  std::optional<ShutdownAt> shutdown;
  if (trial.shutdown_after_ns) shutdown.emplace(simulation, begun_ns + *trial.shutdown_after_ns);
  TaskProgram program(simulation, trial.program);
  bool served = false;
  bool lacked_memory = false;
  simulation.runtime().on_start([&]() -> Task<void> {
    served = true;
    try {
      co_await program.run();
    } catch (const std::bad_alloc&) {
      lacked_memory = true;
      Sometimes::hit("a joiner learns that memory lacks");
    }
    simulation.runtime().shutdown();
  });
  Result<void> ran = simulation.run();
  bool may_fail = is_swept(trial.faults) && !served;
  if (may_fail) Sometimes::hit("a start fails");
  if (!may_fail) Sometimes::hit("a fault strikes a run that serves");
  if (!ran && !may_fail) simulation.falsify("S12: the run failed: " + ran.error().message());
  // What has no memory for its frame is spawned and never begins: its joiner knows.
  if (simulation.ended() && ran && !lacked_memory) {
    // A start that is shut down before it serves runs no program at all.
    if (!program.done() && !trial.shutdown_after_ns)
      simulation.falsify("S1: the program did not come to its end");
    if (program.done()) {
      program.check();
      if (trial.shutdown_after_ns) Sometimes::hit("a program ends though it is shut down");
    }
  }
  return finish(simulation, shape, choices, begun_ns, trial);
}

CaseResult run_load(const Trial& trial, fakes::Choices& choices) {
  EchoLoad load = trial.load;
  load.shutdown_after_ns = trial.shutdown_after_ns;
  CaseResult result = run_streams(choices, {.keep_trace = true}, shape_of(trial), load);
  result.program = print(trial);
  return result;
}

namespace {

// How many kinds of a fault there are, where the choice of one is at `place`. What lasts until it
// is healed is none of them: nobody heals it.
uint32_t kinds_at(const std::vector<fakes::Choice>& made, size_t place) {
  if (place >= made.size() || made[place].kind != fakes::ChoiceKind::fault) return 1;
  if (made[place].bound == kSweptOneIn + 1) return 1;
  return made[place].bound == fakes::kOutages ? 1 : made[place].bound;
}

}  // namespace

void sweep(const char* what, const Trial& trial, Run run,
           std::initializer_list<const char*> sometimes) {
  fakes::Choices calm(trial.seed);
  CaseResult first = run(trial, calm);
  ASSERT_TRUE(first.ended && first.findings.empty()) << what << ": " << first.findings.front();
  std::map<std::string, uint64_t> counts;
  std::vector<uint32_t> choices;
  unsigned points = 0;
  for (const fakes::Choice& choice : calm.made()) {
    choices.push_back(choice.value);
    if (choice.kind != fakes::ChoiceKind::fault || choice.bound != kSweptOneIn + 1) continue;
    std::vector<uint32_t> struck = choices;
    struck.back() = kSweptOneIn;
    // Of what kind it is comes right behind it, if there are several.
    for (uint32_t kind = 0, kinds = 1; kind < kinds; ++kind) {
      if (kind > 0) struck.resize(choices.size());
      if (kind > 0) struck.push_back(kind);
      ++points;
      the_trial = &trial;
      the_run = run;
      IsolatedResult result = run_isolated(kProperty, fakes::Choices(struck), {});
      for (const auto& [name, times] : result.sometimes) counts[name] += times;
      EXPECT_FALSE(result.failed) << what << ", fault " << points << " at choice " << choices.size()
                                  << ", kind " << kind << ": " << result.kind << "\n"
                                  << result.text;
      if (result.failed) return;
      if (kind == 0) kinds = kinds_at(result.made, choices.size());
    }
  }
  EXPECT_GT(points, 10u) << what;
  for (const char* each : sometimes) EXPECT_GE(counts[each], 1u) << what << ": never " << each;
}

// The seed is always the same, unless RC_PARAMS gives another one, so that a red run is never bad
// luck.
void hold(const char* what, const Wanted& wanted, Run run,
          std::initializer_list<const char*> sometimes) {
  std::map<std::string, uint64_t> counts;
  auto property = [&] {
    const Trial trial = *rc::gen::exec([&] { return random_trial(wanted); });
    the_trial = &trial;
    the_run = run;
    IsolatedResult result = run_isolated(kProperty, fakes::Choices(trial.seed), {});
    for (const auto& [name, times] : result.sometimes) counts[name] += times;
    if (result.failed) RC_FAIL(result.kind + "\n" + result.text);
  };
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  if (!getenv("RC_PARAMS")) params.seed = 1;
  params.maxSuccess = static_cast<int>(wanted.times);
  auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{what, what}, params);
  rc::detail::SuccessResult success;
  if (!result.match(success)) {
    std::ostringstream text;
    rc::detail::printResultMessage(result, text);
    ADD_FAILURE() << what << ": " << text.str();
    return;
  }
  for (const char* each : sometimes)
    EXPECT_GE(counts[each], kAtLeast) << what << " says little: too seldom " << each;
}

}  // namespace gatio::harness
