#include "harness/runner.hpp"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/check_client.hpp"
#include "harness/mix.hpp"

namespace gatio::harness {
namespace {

using Clock = Deadline::Clock;

constexpr int kWarmUpMs = 200;
constexpr double kOverheadSeconds =
    0.6;  // of a timed pass beside its timed seconds: start, warm-up, stop
constexpr int kHurriedChecksMs = 20'000;  // of all check passes when the run has a deadline
constexpr int kGeneratorGraceMs = 10'000;
constexpr double kBoundShare = 0.9;  // a generator that is this busy is what limits the throughput
constexpr double kBytesTolerance = 0.01;

CheckPlan check_plan(const Scenario& scenario, uint16_t port) {
  CheckPlan plan;
  plan.port = port;
  plan.path = scenario.load.path;
  plan.expect = scenario.expect;
  return plan;
}

}  // namespace

Runner::Runner(const Scenario& scenario, const Plan& plan, const Surroundings& surroundings,
               const Interrupt& interrupt)
    : scenario_(scenario),
      plan_(plan),
      surroundings_(surroundings),
      interrupt_(interrupt),
      usable_(plan.servers.size(), true),
      bytes_per_reply_(plan.servers.size(), 0) {}

RunResult Runner::run(uint64_t seed) {
  progress_.emplace(plan_.servers.size() + plan_.arms.size() * plan_.repetitions,
                    plan_.seconds + kOverheadSeconds);
  run_all(seed);
  progress_.reset();  // takes its line off the terminal before the table comes
  return std::move(result_);
}

void Runner::run_all(uint64_t seed) {
  const auto order = interleave(groups_of(plan_), plan_.repetitions, seed);
  const double pass_seconds = plan_.seconds + kOverheadSeconds;
  for (size_t server = 0; server < plan_.servers.size(); ++server) {
    if (check(server) == Next::kStop) return;
  }
  const auto pass =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(pass_seconds));
  for (unsigned repetition = 0; repetition < plan_.repetitions; ++repetition) {
    for (const size_t arm : order[repetition]) {
      if (surroundings_.deadline.within(pass)) {
        result_.out_of_time = true;
        return;
      }
      if (!usable_[plan_.arms[arm].server]) {
        progress_->skip();
        continue;
      }
      if (measure(arm, repetition) == Next::kStop) return;
    }
  }
}

void Runner::find(const std::string& sentence) {
  progress_->say("wrong: " + sentence);
  result_.findings.push_back(sentence);
}

Runner::Next Runner::start_failed(size_t server, const Error& error) {
  if (error.code == ECANCELED) {
    result_.interrupted = true;
    return Next::kStop;
  }
  if (error.code == ETIMEDOUT && surroundings_.deadline.passed()) {
    result_.out_of_time = true;  // it was given less time than it may take
    return Next::kStop;
  }
  if (error.code == kServerLacksSomething) {
    // The machine is not fit for this one; the others may still be compared.
    usable_[server] = false;
    result_.skipped.push_back(error.text);
    progress_->say("skipped: " + error.text);
    return Next::kGoOn;
  }
  if (error.code == kServerRefusedInput) {
    result_.failed = error;  // only the user can correct what the scenario asks for
    return Next::kStop;
  }
  usable_[server] = bytes_per_reply_[server] > 0;  // one that has answered before may do so again
  find(error.message());
  return Next::kGoOn;
}

Runner::Next Runner::check(size_t index) {
  const ServerSpec& spec = plan_.servers[index];
  const std::string name =
      spec.point.empty() ? spec.label : fmt::format("{} {}", spec.point, spec.label);
  if (surroundings_.deadline.passed()) {
    result_.out_of_time = true;
    return Next::kStop;
  }
  progress_->step("checking the replies of " + name);
  auto server = Server::start(scenario_, spec, surroundings_, interrupt_);
  if (!server) return start_failed(index, server.error());
  CheckPlan plan = check_plan(scenario_, server->port());
  if (surroundings_.deadline.exists())
    plan.most_ms = kHurriedChecksMs / static_cast<int>(plan_.servers.size());
  plan.silence_ms = surroundings_.deadline.bound_ms(plan.silence_ms);
  const auto report = check_replies(plan, interrupt_);
  if (!report) {
    return start_failed(index, {report.error().code, name + ": " + report.error().message()});
  }
  if (report->interrupted) return start_failed(index, {ECANCELED, {}});
  bytes_per_reply_[index] = report->bytes_per_reply();
  if (report->wrong > 0) {
    find(fmt::format("{}: {} of {} replies were wrong; {}", name, report->wrong, report->replies,
                     report->first_wrong));
  }
  if (report->cut_short)
    progress_->say(fmt::format("{}: only {} replies checked", name, report->replies));
  if (const auto death =
          server->died("while its replies were checked", interrupt_, report->wrong > 0)) {
    find(fmt::format("{}: {}", name, *death));
  } else if (const auto stopped = server->stop(); !stopped) {
    find(fmt::format("{}: {}", name, stopped.error().message()));
  }
  return Next::kGoOn;
}

Runner::Next Runner::measure(size_t index, unsigned repetition) {
  const Arm& arm = plan_.arms[index];
  progress_->step(fmt::format("repetition {}/{}  {}", repetition + 1, plan_.repetitions, arm.name));
  auto server = Server::start(scenario_, plan_.servers[arm.server], surroundings_, interrupt_);
  if (!server) return start_failed(arm.server, server.error());
  Measurement measurement;
  measurement.arm = index;
  measurement.repetition = repetition;
  measurement.order = static_cast<unsigned>(result_.measurements.size());
  const auto loaded = load_pass(arm, *server, measurement);
  if (!loaded && (loaded.error().code == ECANCELED ||
                  (loaded.error().code == ETIMEDOUT && surroundings_.deadline.passed()))) {
    return start_failed(arm.server, loaded.error());
  }
  if (const auto death =
          server->died("under load", interrupt_, !loaded || measurement.load.errors() > 0)) {
    find(fmt::format("{}: {}", arm.name, *death));
    return Next::kGoOn;
  }
  if (!loaded) {
    find(fmt::format("{}: {}", arm.name, loaded.error().message()));
    return Next::kGoOn;
  }
  auto stopped = server->stop();
  if (stopped) {
    measurement.server = std::move(*stopped);
  } else {
    find(fmt::format("{}: {}", arm.name, stopped.error().message()));
  }
  judge(arm, measurement);
  result_.measurements.push_back(std::move(measurement));
  return Next::kGoOn;
}

Result<void> Runner::load_pass(const Arm& arm, Server& server, Measurement& out) {
  // The same load, so that buffers, code and caches are those that the timed pass finds.
  CheckPlan warm_up = check_plan(scenario_, server.port());
  warm_up.connections = arm.connections;
  warm_up.pipeline = scenario_.load.pipeline;
  warm_up.requests = std::numeric_limits<int64_t>::max();
  warm_up.most_ms = kWarmUpMs;
  const auto warmed = check_replies(warm_up, interrupt_);
  if (!warmed) return fail(warmed.error().code, warmed.error().text);
  if (warmed->interrupted) return fail(ECANCELED);
  if (warmed->wrong > 0)
    find(fmt::format("{}: while warming up, {}", arm.name, warmed->first_wrong));

  Command command;
  command.folder = surroundings_.work;
  command.name = "wrk";
  const GeneratorPlace place = place_generator(plan_, plan_.servers[arm.server]);
  out.generator_cpus = place.cpus;
  out.shared = place.shared;
  command.cpus = place.cpus;
  command.arguments = wrk_command(scenario_.load, arm.connections, plan_.seconds, server.port(),
                                  surroundings_.work + "/load.lua");
  const MachineUsage machine_before = machine_usage();
  const GroupUsage before = group_usage(server.pid());
  auto wrk = Child::start(command);
  if (!wrk) return fail(wrk.error().code, wrk.error().text);
  const int wrk_ms = static_cast<int>(plan_.seconds) * 1000 + kGeneratorGraceMs;
  const auto exit = wrk->wait(interrupt_, surroundings_.deadline.bound_ms(wrk_ms));
  const GroupUsage after = group_usage(server.pid());
  const MachineUsage machine_after = machine_usage();
  if (interrupt_.pending()) return fail(ECANCELED);
  if (!exit) return fail(ETIMEDOUT, "wrk did not end in time");
  if (!exit->clean())
    return fail(ECHILD, fmt::format("wrk {}: {}", exit->describe(), wrk->last_words()));
  const auto load = parse_wrk(wrk->output());
  if (!load) return fail(load.error().code, load.error().text);
  out.load = *load;
  out.server_cpu_ns = after.cpu_ns - std::min(before.cpu_ns, after.cpu_ns);
  out.server_context_switches =
      after.context_switches - std::min(before.context_switches, after.context_switches);
  out.generator_cpu_ns = exit->cpu_ns;
  const auto threads =
      std::min<size_t>({scenario_.load.threads, arm.connections, out.generator_cpus.size()});
  const double capacity = static_cast<double>(out.load.duration_ns) * static_cast<double>(threads);
  out.generator_bound = static_cast<double>(out.generator_cpu_ns) > kBoundShare * capacity;
  out.pressure = pressure_between(machine_before, machine_after, out.load.duration_ns);
  return {};
}

void Runner::judge(const Arm& arm, const Measurement& measurement) {
  const LoadResult& load = measurement.load;
  if (load.status_errors > 0 && scenario_.expect.status < 400) {
    find(fmt::format("{}: {} replies under load had status 400 or above", arm.name,
                     load.status_errors));
  }
  if (const std::string broken = load.broken(); !broken.empty())
    find(fmt::format("{}: {}", arm.name, broken));
  // wrk's bytes hold replies that it had read in part when the time was over.
  const double expected = bytes_per_reply_[arm.server] * static_cast<double>(load.requests);
  const double slack = kBytesTolerance * expected + bytes_per_reply_[arm.server] * arm.connections *
                                                        (scenario_.load.pipeline + 1.0);
  if (expected > 0 && std::abs(static_cast<double>(load.bytes) - expected) > slack) {
    find(fmt::format("{}: {:.1f} bytes a reply under load, {:.1f} in the check pass", arm.name,
                     static_cast<double>(load.bytes) / static_cast<double>(load.requests),
                     bytes_per_reply_[arm.server]));
  }
}

}  // namespace gatio::harness
