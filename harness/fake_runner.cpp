#include "harness/fake_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>

#include "harness/progress.hpp"
#include "harness/simulation/http_client.hpp"
#include "harness/simulation/simulation.hpp"
#include "runtime/config/mix.hpp"
#include "runtime/kernel/features.hpp"
#include "scenarios/servers/hello.hpp"
#include "scenarios/servers/spend.hpp"

namespace gatio::harness {
namespace {

using ServeFunction = Result<void> (*)(Runtime&, const scenarios::Arguments&);

struct KnownServer {
  const char* name;
  ServeFunction serve;
};
constexpr KnownServer kServers[] = {{"hello", scenarios::serve_hello},
                                    {"spend", scenarios::serve_spend}};

ServeFunction find_server(const std::string& name) {
  for (const KnownServer& each : kServers) {
    if (name == each.name) return each.serve;
  }
  return nullptr;
}

// Ends a pass: asks the clients to stop, and when all have, the runtime to shut down.
class PassEnd : private fakes::Event {
 public:
  PassEnd(Simulation& simulation, std::deque<HttpClient>& clients, uint64_t time_ns)
      : Event(&fire), simulation_(simulation), clients_(clients) {
    simulation.world().events.schedule(*this, time_ns);
  }

 private:
  static constexpr uint64_t kLookNs = 100'000;
  static void fire(Event* event) { static_cast<PassEnd*>(event)->look(); }
  void look() {
    bool finished = true;
    for (HttpClient& client : clients_) {
      if (!asked_) client.stop();
      finished = finished && client.finished();
    }
    asked_ = true;
    if (finished) {
      simulation_.shut_down();
    } else {
      simulation_.world().events.schedule(*this, simulation_.world().now_ns + kLookNs);
    }
  }
  Simulation& simulation_;
  std::deque<HttpClient>& clients_;
  bool asked_ = false;
};

class FakePass {
 public:
  FakePass(const Scenario& scenario, const Arm& arm, const ServerSpec& spec,
           const FakeRunOptions& options, uint64_t seed)
      : scenario_(scenario),
        arm_(arm),
        spec_(spec),
        options_(options),
        choices_(seed),
        simulation_(choices_, simulation_options(options), runtime_options(spec, options)) {
    choices_.record(false);
  }

  Result<Measurement> run() {
    Runtime& runtime = simulation_.runtime();
    scenarios::Arguments arguments;
    for (const auto& [name, value] : spec_.arguments)
      arguments.values[name] = std::to_string(value);
    if (Result<void> served = find_server(scenario_.server)(runtime, arguments); !served)
      return Error(served.error());
    runtime.on_serving([this](const std::vector<Endpoint>& endpoints) { begin(endpoints); });
    if (Result<void> ran = simulation_.run(); !ran) return Error(ran.error());
    return measurement();
  }
  [[nodiscard]] const std::vector<std::string>& findings() const { return simulation_.findings(); }
  [[nodiscard]] bool ended() const { return simulation_.ended(); }

 private:
  static SimulationOptions simulation_options(const FakeRunOptions& options) {
    SimulationOptions simulation;
    simulation.kernel.topology = options.topology;
    simulation.kernel.costs = options.costs;
    simulation.scheduler.strategy = fakes::Strategy::clocks;
    simulation.scheduler.turn_ns = options.costs.turn_ns;
    simulation.scheduler.most_steps = ~uint64_t{0};
    return simulation;
  }
  static RuntimeOptions runtime_options(const ServerSpec& spec, const FakeRunOptions& options) {
    RuntimeOptions runtime;
    runtime.config.topology = options.topology;
    runtime.config.without = options.without;
    runtime.config.tpcs = {
        config::TpcConfig{.nodes = {}, .drivers = *config::parse_mix(spec.mix), .declared = {}}};
    runtime.cpus = spec.cpus;
    return runtime;
  }

  void begin(const std::vector<Endpoint>& endpoints) {
    begun_ns_ = simulation_.world().clock_ns();
    for (unsigned i = 0; i < arm_.connections; ++i) {
      HttpClientOptions client;
      client.port = endpoints.front().port;
      client.requests = 0;
      client.pipeline = scenario_.load.pipeline;
      client.path = scenario_.load.path;
      client.body = scenario_.expect.body;
      clients_.emplace_back(simulation_.world(), simulation_.kernel().network(), client,
                            [this](uint64_t latency_ns) {
                              last_answer_ns_ = simulation_.world().now_ns;
                              latencies_ns_.push_back(latency_ns);
                            });
      clients_.back().start();
    }
    end_ = std::make_unique<PassEnd>(simulation_, clients_, begun_ns_ + options_.measured_ns);
  }

  Measurement measurement() {
    const Metrics& metrics = simulation_.metrics();
    Measurement out;
    for (const HttpClient& client : clients_) {
      const HttpClientStats& stats = client.stats();
      out.load.requests += stats.answered;
      out.load.bytes += stats.bytes;
      out.load.connect_errors += stats.refused;
      out.load.read_errors += stats.resets + stats.partial;
      out.load.status_errors += stats.wrong;
      if (stats.wrong > 0) simulation_.falsify("a wrong answer: " + stats.first_wrong);
    }
    out.load.duration_ns = last_answer_ns_ - begun_ns_;
    out.simulated = true;
    out.latency_p50_us = latency_us(0.5);
    out.latency_p99_us = latency_us(0.99);
    ServerMetrics server{.requests = metrics.requests,
                         .errors = metrics.bad_requests + metrics.failed_handlers,
                         .connections = metrics.connections,
                         .drivers = metrics.drivers};
    out.server_cpu_ns = server.sum(&DriverMetrics::cpu_ns);
    out.server = std::move(server);
    return out;
  }

  std::optional<double> latency_us(double share) {
    if (latencies_ns_.empty()) return std::nullopt;
    auto place = latencies_ns_.begin() +
                 static_cast<ptrdiff_t>(share * static_cast<double>(latencies_ns_.size() - 1));
    std::nth_element(latencies_ns_.begin(), place, latencies_ns_.end());
    return static_cast<double>(*place) / 1000;
  }

  const Scenario& scenario_;
  const Arm& arm_;
  const ServerSpec& spec_;
  const FakeRunOptions& options_;
  fakes::Choices choices_;
  Simulation simulation_;
  std::deque<HttpClient> clients_;
  std::unique_ptr<PassEnd> end_;
  uint64_t begun_ns_ = 0;
  uint64_t last_answer_ns_ = 0;
  std::vector<uint64_t> latencies_ns_;
};

}  // namespace

Result<void> can_run_on_fake(const Scenario& scenario) {
  if (scenario.server.empty())
    return fail(EINVAL,
                scenario.file + ": it has no server of ours, and the fake kernel runs no other");
  if (find_server(scenario.server) == nullptr) {
    return fail(EINVAL,
                fmt::format("{}: server: the fake kernel cannot run '{}' (it knows hello and "
                            "spend)",
                            scenario.file, scenario.server));
  }
  return {};
}

RunResult run_on_fake(const Scenario& scenario, const Plan& plan, const FakeRunOptions& options,
                      const Interrupt& interrupt) {
  RunResult result;
  Progress progress(plan.arms.size() * plan.repetitions, 1.0);
  unsigned order = 0;
  for (unsigned repetition = 0; repetition < plan.repetitions; ++repetition) {
    for (size_t i = 0; i < plan.arms.size(); ++i) {
      if (interrupt.pending()) {
        result.interrupted = true;
        return result;
      }
      const Arm& arm = plan.arms[i];
      progress.step(arm.name);
      FakePass pass(scenario, arm, plan.servers[arm.server], options, options.seed + repetition);
      Result<Measurement> measured = pass.run();
      if (!measured) {
        result.failed = Error{measured.error().code, arm.name + ": " + measured.error().message()};
        return result;
      }
      for (const std::string& finding : pass.findings())
        result.findings.push_back(arm.name + ": " + finding);
      // A run that did not come to its end cannot be followed by another one.
      if (!pass.ended()) return result;
      measured->arm = i;
      measured->repetition = repetition;
      measured->order = order++;
      result.measurements.push_back(std::move(*measured));
    }
  }
  return result;
}

}  // namespace gatio::harness
