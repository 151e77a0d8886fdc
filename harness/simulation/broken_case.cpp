// The case "broken": one driver of several is out, because its ring stops answering or because it
// takes no more turns, for a time or until it is healed. What the runtime owes then: whoever does
// not depend on it is served as ever; a shutdown ends or waits for nobody but it (what
// lifecycle.hpp says holds a driver beyond the deadline); and once it is healed all come to their
// end.
#include <deque>
#include <memory>
#include <optional>

#include "harness/simulation/http_client.hpp"
#include "harness/simulation/more_cases.hpp"
#include "harness/simulation/shape.hpp"
#include "harness/simulation/simulation.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/task/scope.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;

struct MixWithPorts {
  const char* mix;
  std::vector<unsigned> io_drivers;
};
const MixWithPorts kMixes[] = {
    {"2both", {0, 1}}, {"3both", {0, 1, 2}}, {"1io+1exec+1both", {0, 2}}, {"2io+1exec", {0, 1}}};
constexpr const char* kPolicies[] = {"best", "least_work", "round_robin", "two_choices",
                                     "affinity"};
constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kLookNs = 100'000;
// How long it may take until somebody breaks; then until all that others ask for is done.
constexpr uint64_t kUntilBrokenNs = 3 * kMs;
constexpr uint64_t kServedNs = 5 * kMs;
constexpr unsigned kDrainMs = 2;
// Its deadline, its grace, and the way from one to the other.
constexpr uint64_t kShutdownNs = (kDrainMs + 150) * kMs;

// One thing after another; `over` when the drivers are left alone.
enum class Stage : uint8_t { whole, broken, healed, draining, held_up, drained, over };

class BrokenRun : private fakes::Event {
 public:
  struct Plan {
    bool ring = false;  // its ring stops answering; else it takes no turns
    uint32_t one_in = 16;
    bool drains_broken = false;      // the shutdown is asked for while it is out
    std::vector<unsigned> requests;  // of each client; they go round the ports
  };

  BrokenRun(Simulation& simulation, fakes::Choices& choices, const Plan& plan)
      : Event(&look), simulation_(simulation), choices_(choices), plan_(plan) {
    simulation.on_built([this] { collect_drivers(); });
    Runtime& runtime = simulation.runtime();
    runtime.add_handler("hello",
                        [](const http::Request& request, http::Response& response) -> Task<void> {
                          response.content_type("text/plain").body(request.target());
                          co_return;
                        });
    runtime.on_serving([this](const std::vector<Endpoint>& endpoints) { begin(endpoints); });
    runtime.on_start([this]() -> Task<void> { return call_each_other(); });
  }

  // A port for each driver that does I/O: who asks there depends on that driver.
  static void add_ports(config::RuntimeConfig& config, const std::vector<unsigned>& io_drivers) {
    for (unsigned i : io_drivers) {
      config::ListenerConfig listener{.name = "port of " + std::to_string(i)};
      listener.drivers = {.all_io = false, .names = {{0, i}}};
      listener.buffers = {.count = 16, .size = 256};
      listener.timeouts.drain_ms = kDrainMs;
      config.listeners.push_back(listener);
    }
  }

  void check();

 private:
  struct Pair {
    unsigned from = 0;
    unsigned to = 0;
    bool begun = false;
    uint64_t calls = 0;
    uint64_t calls_before = 0;  // when somebody broke
    bool ended = false;
  };
  struct Client {
    Client(fakes::World& world, fakes::Network& network, const HttpClientOptions& options,
           unsigned its_driver)
        : client(world, network, options), driver(its_driver) {}
    HttpClient client;
    unsigned driver;
  };

  void collect_drivers() {
    for (auto& member : simulation_.runtime().lifecycle().members())
      drivers_.push_back(&member->driver());
    for (unsigned from = 0; from < drivers_.size(); ++from) {
      for (unsigned to = 0; to < drivers_.size(); ++to) {
        if (from != to && drivers_[from]->executes() && drivers_[to]->executes())
          pairs_.push_back({.from = from, .to = to});
      }
    }
  }

  void begin(const std::vector<Endpoint>& endpoints) {
    std::vector<unsigned> serving;
    for (unsigned i = 0; i < drivers_.size(); ++i) {
      if (config::does_io(drivers_[i]->options().role)) serving.push_back(i);
    }
    for (size_t i = 0; i < plan_.requests.size(); ++i) {
      HttpClientOptions client{.port = endpoints[i % endpoints.size()].port,
                               .requests = plan_.requests[i],
                               .first_ns = 1'000 * choices_.choose(ChoiceKind::program, 400),
                               .numbered = true};
      clients_.emplace_back(simulation_.world(), simulation_.kernel().network(), client,
                            serving[i % serving.size()]);
      clients_.back().client.start();
    }
    begun_ns_ = now_ns();
    fakes::FaultPlan& faults = simulation_.world().faults;
    (plan_.ring ? faults.ring_stall : faults.dead_thread) = plan_.one_in;
    simulation_.world().events.schedule(*this, begun_ns_ + kLookNs);
  }

  // Messages between all that execute, until the end.
  Task<void> call_each_other() {
    co_await with_scope([this](Scope& scope) -> Task<void> {
      for (Pair& pair : pairs_) {
        (void)scope.spawn_on(*drivers_[pair.from],
                             [this, &pair]() -> Task<void> { return call(pair); });
      }
      co_return;
    });
  }
  Task<void> call(Pair& pair) {
    pair.begun = true;
    StopToken stop = co_await stop_token();
    while (!calls_end_ && !stop.stop_requested()) {
      Result<void> called = co_await call_on(*drivers_[pair.to], []() -> Task<void> { co_return; });
      if (called) ++pair.calls;
      (void)co_await sleep_for(std::chrono::microseconds(200));
    }
    pair.ended = true;
  }

  [[nodiscard]] uint64_t now_ns() const { return simulation_.world().now_ns; }
  [[nodiscard]] bool dead() const { return simulation_.scheduler().dead().has_value(); }
  [[nodiscard]] std::optional<unsigned> broken() const {
    return dead() ? simulation_.scheduler().dead() : simulation_.kernel().stalled_thread();
  }
  [[nodiscard]] bool all_served() const {
    for (const Client& each : clients_) {
      if (!each.client.finished()) return false;
    }
    return true;
  }
  [[nodiscard]] bool depends(const Client& client, unsigned driver) const;

  static void look(Event* event);
  void enter(Stage stage);
  void next_stage();
  void check_others();
  void shut_down();
  void name_who_holds();

  Simulation& simulation_;
  fakes::Choices& choices_;
  const Plan plan_;
  std::vector<Driver*> drivers_;
  std::deque<Pair> pairs_;
  std::deque<Client> clients_;
  Stage stage_ = Stage::whole;
  uint64_t begun_ns_ = 0;
  uint64_t since_ns_ = 0;        // this stage
  std::optional<unsigned> who_;  // was broken
  bool calls_end_ = false;
  bool cut_short_ = false;  // the shutdown did not wait for all clients
};

// Whether the client may wait for the driver: for that of its port, or for who executes there. A
// driver that executes serves its own port alone.
bool BrokenRun::depends(const Client& client, unsigned driver) const {
  if (client.driver == driver) return true;
  return !drivers_[client.driver]->executes() && drivers_[driver]->executes() && dead();
}

void BrokenRun::enter(Stage stage) {
  stage_ = stage;
  since_ns_ = now_ns();
}

void BrokenRun::look(Event* event) {
  auto* self = static_cast<BrokenRun*>(event);
  self->next_stage();
  if (self->stage_ != Stage::over)
    self->simulation_.world().events.schedule(*self, self->now_ns() + kLookNs);
}

void BrokenRun::next_stage() {
  uint64_t passed_ns = now_ns() - (stage_ == Stage::whole ? begun_ns_ : since_ns_);
  switch (stage_) {
    case Stage::whole:
      if (broken()) {
        who_ = broken();
        simulation_.world().faults = {};
        for (Pair& pair : pairs_) pair.calls_before = pair.calls;
        enter(Stage::broken);
      } else if (passed_ns > kUntilBrokenNs) {
        simulation_.world().faults = {};
        enter(Stage::healed);
      }
      return;
    case Stage::broken:
      if (!broken()) {
        Sometimes::hit(plan_.ring ? "a ring answers again" : "a dead driver goes on");
        return enter(Stage::healed);
      }
      if (passed_ns < kServedNs) return;
      check_others();
      if (plan_.drains_broken) return shut_down();
      simulation_.heal();
      return enter(Stage::healed);
    case Stage::healed:
      if (!all_served() && passed_ns < kServedNs) return;
      if (!all_served()) simulation_.falsify("S1: nobody is broken, and a client still waits");
      return shut_down();
    case Stage::draining:
      if (passed_ns < kShutdownNs) return;
      name_who_holds();
      simulation_.heal();
      return enter(Stage::held_up);
    case Stage::held_up:
      if (passed_ns < kShutdownNs) return;
      simulation_.falsify("S12: the shutdown does not end though nobody is broken any more: " +
                          simulation_.scheduler().describe());
      return enter(Stage::over);
    case Stage::drained:
    case Stage::over:
      return;
  }
}

// While one is out: the others' clients have got all that they asked for, and messages between the
// others go on.
void BrokenRun::check_others() {
  Sometimes::hit(plan_.ring ? "a ring stops answering for long" : "a driver is dead for long");
  if (simulation_.a_wake_up_died()) return Sometimes::hit("a dead driver takes a wake-up with it");
  std::string who = drivers_[*who_]->name() + (dead() ? " is dead" : "'s ring does not answer");
  for (const Client& each : clients_) {
    if (depends(each, *who_)) {
      if (!each.client.finished()) Sometimes::hit("a client waits for a broken driver");
      continue;
    }
    Sometimes::hit("a client of another driver is served");
    if (!each.client.finished())
      simulation_.falsify("S1: " + who + ", and a client of driver " +
                          drivers_[each.driver]->name() + " still waits");
  }
  for (const Pair& pair : pairs_) {
    bool lives = !dead() || (pair.from != *who_ && pair.to != *who_);
    if (!lives || !pair.begun) continue;
    Sometimes::hit("messages go on beside a broken driver");
    if (pair.calls == pair.calls_before)
      simulation_.falsify("S1: " + who + ", and no message of driver " +
                          drivers_[pair.from]->name() + " to driver " + drivers_[pair.to]->name() +
                          " comes back");
  }
}

void BrokenRun::shut_down() {
  calls_end_ = true;
  cut_short_ = !all_served();
  enter(Stage::draining);
  simulation_.shut_down();
}

// The outcomes that lifecycle.hpp names: whoever is dead carries out nothing, and what a ring does
// not give back is waited for.
void BrokenRun::name_who_holds() {
  if (dead()) return Sometimes::hit("a shutdown waits for a dead driver");
  if (simulation_.kernel().stalled_ring_holds_something())
    return Sometimes::hit("a shutdown waits for a ring that does not answer");
  simulation_.falsify("S12: the shutdown does not end, and there is nobody to wait for: " +
                      simulation_.scheduler().describe());
}

void BrokenRun::check() {
  const Metrics& metrics = simulation_.metrics();
  uint64_t answered = 0;
  for (const Client& each : clients_) {
    const HttpClientStats& stats = each.client.stats();
    answered += stats.answered;
    if (stats.wrong > 0) simulation_.falsify("S8: a wrong answer: " + stats.first_wrong);
    if (cut_short_) continue;
    if (stats.answered < each.client.options().requests || stats.resets > 0 || stats.partial > 0)
      simulation_.falsify("R10: a client got " + std::to_string(stats.answered) + " of " +
                          std::to_string(each.client.options().requests) +
                          " answers though nobody was cut off");
  }
  if (!cut_short_ && answered != metrics.answers)
    simulation_.falsify("R10: of " + std::to_string(metrics.answers) + " answers " +
                        std::to_string(answered) + " arrived");
  for (const Pair& pair : pairs_) {
    if (pair.begun && !pair.ended && metrics.cut_off_tasks == 0)
      simulation_.falsify("S12: a task did not come to its end, and was not cut off");
  }
  if (metrics.cut_off_tasks > 0) Sometimes::hit("a shutdown cuts off what a broken driver held");
}

BrokenRun::Plan choose_plan(fakes::Choices& choices) {
  BrokenRun::Plan plan;
  plan.ring = choices.choose(ChoiceKind::program, 2) == 1;
  plan.one_in = 4 << choices.choose(ChoiceKind::program, 6);
  plan.drains_broken = choices.one_in(ChoiceKind::program, 3);
  plan.requests.resize(1 + choices.choose(ChoiceKind::program, 5));
  for (unsigned& each : plan.requests) each = 1 + choices.choose(ChoiceKind::program, 6);
  return plan;
}

std::string print(const BrokenRun::Plan& plan) {
  std::string text = std::string(plan.ring ? "a ring stops answering" : "a driver dies") +
                     ", one in " + std::to_string(plan.one_in) +
                     (plan.drains_broken ? ", shutdown meanwhile" : "") + "; requests of clients:";
  for (unsigned each : plan.requests) text += " " + std::to_string(each);
  return text + "\n";
}

}  // namespace

CaseResult run_broken(fakes::Choices& choices, const CaseOptions& options) {
  auto choose = [&](size_t bound) {
    return choices.choose(ChoiceKind::program, static_cast<uint32_t>(bound));
  };
  ShapeOptions wanted;
  const MixWithPorts& mix = kMixes[choose(std::size(kMixes))];
  wanted.mix = mix.mix;
  wanted.policy = kPolicies[choose(std::size(kPolicies))];
  wanted.preempts = options.preempt;
  wanted.pct = options.preempt && choose(2) == 1;
  wanted.old_kernel = choices.one_in(ChoiceKind::program, 4);
  wanted.spins = choices.one_in(ChoiceKind::program, 4);
  wanted.small_rings = choices.one_in(ChoiceKind::program, 4);
  BrokenRun::Plan plan = choose_plan(choices);
  Shape shape = make_shape(wanted);
  shape.simulation.kernel.memory_fill = options.memory_fill;
  // Whoever waits for the broken one is told from whoever waits by the time that it takes, which
  // the stalls of those who are well would stretch.
  shape.simulation.scheduler.stall_one_in = 0;
  BrokenRun::add_ports(shape.runtime.config, mix.io_drivers);
  Simulation simulation(choices, shape.simulation, shape.runtime);
  keep_trace(simulation, choices, options);
  uint64_t begun_ns = simulation.world().now_ns;
  auto run = std::make_unique<BrokenRun>(simulation, choices, plan);
  Result<void> ran = simulation.run();
  if (!ran) simulation.falsify("S12: the run failed: " + ran.error().message());
  if (simulation.ended() && ran) run->check();
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = print(plan);
  if (!simulation.ended()) static_cast<void>(run.release());  // Its tasks live on.
  return result;
}

}  // namespace gatio::harness
