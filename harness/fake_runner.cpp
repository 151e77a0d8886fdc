#include "harness/fake_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
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

constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kWarmUpShare = 5;  // so much of a pass comes before it, uncounted

ServeFunction find_server(const std::string& name) {
  for (const KnownServer& each : kServers) {
    if (name == each.name) return each.serve;
  }
  return nullptr;
}

// Looks at a pass from time to time and ends it: when its time is over, or before that when nobody
// wants it any more. It asks the clients to stop, and when all have, the runtime to shut down.
class PassEnd : private fakes::Event {
 public:
  PassEnd(Simulation& simulation, std::deque<HttpClient>& clients, uint64_t end_ns,
          std::function<bool()> unwanted)
      : Event(&fire),
        simulation_(simulation),
        clients_(clients),
        end_ns_(end_ns),
        unwanted_(std::move(unwanted)) {
    look_after(kLookNs);
  }
  [[nodiscard]] bool cut_short() const { return cut_short_; }

 private:
  static constexpr uint64_t kLookNs = 1'000'000;
  static constexpr uint64_t kLookAtEndNs = 100'000;
  static void fire(Event* event) { static_cast<PassEnd*>(event)->look(); }
  void look_after(uint64_t ns) {
    uint64_t next_ns = simulation_.world().now_ns + ns;
    if (!asked_) next_ns = std::min(next_ns, end_ns_);
    simulation_.world().events.schedule(*this, next_ns);
  }
  void look() {
    cut_short_ = unwanted_();
    if (!cut_short_ && simulation_.world().now_ns < end_ns_) return look_after(kLookNs);
    bool finished = true;
    uint64_t bytes = 0;
    for (HttpClient& client : clients_) {
      if (!asked_) client.stop();
      finished = finished && client.finished();
      bytes += client.stats().bytes;
    }
    asked_ = true;
    if (finished || cut_short_ || silent(bytes)) {
      simulation_.shut_down();
    } else {
      look_after(kLookAtEndNs);
    }
  }
  // Without this a server that has lost a request would be waited for without end.
  bool silent(uint64_t bytes) {
    const uint64_t now_ns = simulation_.world().now_ns;
    if (bytes != bytes_) heard_ns_ = now_ns;
    bytes_ = bytes;
    if (now_ns - heard_ns_ < kLongestSilence * kNsPerSecond) return false;
    const auto waiting = std::ranges::count_if(
        clients_, [](const HttpClient& client) { return !client.finished(); });
    simulation_.falsify(fmt::format("no byte came for {} s of virtual time, and {} clients wait",
                                    kLongestSilence, waiting));
    return true;
  }
  static constexpr uint64_t kLongestSilence = 10;  // seconds
  Simulation& simulation_;
  std::deque<HttpClient>& clients_;
  const uint64_t end_ns_;
  const std::function<bool()> unwanted_;
  bool asked_ = false;
  bool cut_short_ = false;
  uint64_t bytes_ = ~uint64_t{0};  // received by all, when it was last looked at
  uint64_t heard_ns_ = 0;          // when there were more for the last time
};

class FakePass {
 public:
  FakePass(const Scenario& scenario, const Arm& arm, const ServerSpec& spec,
           const FakeRunOptions& options, uint64_t seed, const Interrupt& interrupt)
      : scenario_(scenario),
        arm_(arm),
        spec_(spec),
        options_(options),
        interrupt_(interrupt),
        choices_(seed),
        simulation_(choices_, simulation_options(options), runtime_options(spec, options)) {
    choices_.record(false);
  }

  // Whatever it returns, findings() says what was wrong.
  Result<Measurement> run() {
    if (Result<void> served = serve(); !served) return Error(served.error());
    simulation_.runtime().on_serving(
        [this](const std::vector<Endpoint>& endpoints) { begin(endpoints); });
    if (Result<void> ran = simulation_.run(); !ran) return Error(ran.error());
    for (const HttpClient& client : clients_) {
      if (client.stats().wrong > 0)
        simulation_.falsify("a wrong answer: " + client.stats().first_wrong);
    }
    if (cut_short()) return fail(ECANCELED);
    return measurement();
  }
  // Before its time was over, because of Ctrl-C or the deadline.
  [[nodiscard]] bool cut_short() const { return end_ != nullptr && end_->cut_short(); }
  [[nodiscard]] const std::vector<std::string>& findings() const { return simulation_.findings(); }
  [[nodiscard]] bool ended() const { return simulation_.ended(); }
  // From serving to the last driver's end.
  [[nodiscard]] uint64_t virtual_ns() { return simulation_.world().now_ns - begun_ns_; }

 private:
  static SimulationOptions simulation_options(const FakeRunOptions& options) {
    SimulationOptions simulation;
    simulation.kernel.topology = options.topology;
    simulation.kernel.costs = options.costs;
    // Loopback hands over a small request as one piece; that it need not is for `gatio explore`.
    simulation.kernel.network.split_one_in = 0;
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

  Result<void> serve() {
    if (options_.planted) return options_.planted(simulation_.runtime()), Result<void>();
    scenarios::Arguments arguments;
    for (const auto& [name, value] : spec_.arguments)
      arguments.values[name] = std::to_string(value);
    return find_server(scenario_.server)(simulation_.runtime(), arguments);
  }

  void begin(const std::vector<Endpoint>& endpoints) {
    begun_ns_ = simulation_.world().clock_ns();
    Prng starts(options_.seed);
    const uint64_t interval_ns =
        scenario_.load.open_loop() ? uint64_t{arm_.connections} * kNsPerSecond / scenario_.load.rate
                                   : 0;
    for (unsigned i = 0; i < arm_.connections; ++i) {
      HttpClientOptions client;
      client.port = endpoints.front().port;
      client.requests = 0;
      client.pipeline = scenario_.load.pipeline;
      client.path = scenario_.load.path;
      client.status = scenario_.expect.status;
      client.body = scenario_.expect.body;
      client.interval_ns = interval_ns;
      client.first_ns = interval_ns > 0 ? starts.below(interval_ns) : 0;
      client.poisson = scenario_.load.poisson;
      client.arrival_seed = starts.below(~uint64_t{0});
      clients_.emplace_back(simulation_.world(), simulation_.kernel().network(), client,
                            [this](uint64_t latency_ns) { answered(latency_ns); });
      clients_.back().start();
    }
    window_.begin_ns = begun_ns_ + options_.measured_ns / kWarmUpShare;
    window_.end_ns = window_.begin_ns + options_.measured_ns;
    end_ = std::make_unique<PassEnd>(simulation_, clients_, window_.end_ns, [this] {
      return interrupt_.pending() || options_.deadline.passed();
    });
  }

  // What is counted is what happens between two answers, one behind the warm-up and one at the end
  // of the pass, so that neither start nor drain is in it.
  void answered(uint64_t latency_ns) {
    const uint64_t now_ns = simulation_.world().now_ns;
    if (!window_.before && now_ns >= window_.begin_ns) {
      window_.before = simulation_.metrics_so_far();
      window_.begin_ns = now_ns;
      window_.bytes = bytes_so_far();
      return;
    }
    if (!window_.before || window_.after) return;
    latencies_ns_.push_back(latency_ns);
    if (now_ns < window_.end_ns) return;
    window_.after = simulation_.metrics_so_far();
    window_.end_ns = now_ns;
    window_.bytes = bytes_so_far() - window_.bytes;
  }

  [[nodiscard]] uint64_t bytes_so_far() const {
    uint64_t bytes = 0;
    for (const HttpClient& client : clients_) bytes += client.stats().bytes;
    return bytes;
  }

  Result<Measurement> measurement() {
    if (!window_.after) {
      return fail(ETIME, fmt::format("no answer came behind the end of the pass, {} ms of virtual "
                                     "time; give the scenario more seconds",
                                     options_.measured_ns / 1'000'000));
    }
    Measurement out;
    for (const HttpClient& client : clients_) {
      const HttpClientStats& stats = client.stats();
      out.load.connect_errors += stats.refused;
      out.load.read_errors += stats.resets + stats.partial;
      out.load.status_errors += stats.wrong;
    }
    out.load.requests = latencies_ns_.size();
    out.load.bytes = window_.bytes;
    out.load.duration_ns = window_.end_ns - window_.begin_ns;
    out.simulated = true;
    out.latency_p50_us = latency_us(0.5);
    out.latency_p99_us = latency_us(0.99);
    const Metrics& after = *window_.after;
    ServerMetrics server{.requests = after.requests - window_.before->requests,
                         .errors = after.bad_requests + after.failed_handlers,
                         .connections = after.connections,
                         .drivers = after.drivers};
    for (size_t i = 0; i < server.drivers.size(); ++i) {
      for (const DriverCounter& counter : kDriverCounters)
        server.drivers[i].*counter.member -= window_.before->drivers[i].*counter.member;
    }
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
  const Interrupt& interrupt_;
  fakes::Choices choices_;
  Simulation simulation_;
  std::deque<HttpClient> clients_;
  std::unique_ptr<PassEnd> end_;
  uint64_t begun_ns_ = 0;
  struct Window {
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;
    uint64_t bytes = 0;  // received in it; before its end, up to its beginning
    std::optional<Metrics> before;
    std::optional<Metrics> after;
  } window_;
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
  uint64_t virtual_ns = 0;
  const auto start = std::chrono::steady_clock::now();
  for (unsigned repetition = 0; repetition < plan.repetitions; ++repetition) {
    for (size_t i = 0; i < plan.arms.size(); ++i) {
      const Arm& arm = plan.arms[i];
      progress.step(arm.name);
      FakePass pass(scenario, arm, plan.servers[arm.server], options, options.seed + repetition,
                    interrupt);
      Result<Measurement> measured = pass.run();
      for (const std::string& finding : pass.findings()) {
        result.findings.push_back(arm.name + ": " + finding);
        progress.say("wrong: " + result.findings.back());
      }
      if (pass.cut_short()) {
        result.interrupted = interrupt.pending();
        result.out_of_time = !result.interrupted;
        return result;
      }
      // A run that did not come to its end cannot be followed by another one.
      if (!pass.ended()) return result;
      if (!measured) {
        // Why nothing was measured is among the findings, if there are any.
        if (!pass.findings().empty()) continue;
        result.failed = Error{measured.error().code, arm.name + ": " + measured.error().message()};
        return result;
      }
      measured->arm = i;
      measured->repetition = repetition;
      measured->order = order++;
      virtual_ns += pass.virtual_ns();
      result.measurements.push_back(std::move(*measured));
    }
  }
  const std::chrono::duration<double> real = std::chrono::steady_clock::now() - start;
  fmt::print(stderr, "{:.2f} s of virtual time in {:.2f} s\n",
             static_cast<double>(virtual_ns) / double{kNsPerSecond}, real.count());
  return result;
}

}  // namespace gatio::harness
