#include "harness/serve_command.hpp"

#include <fmt/core.h>
#include <signal.h>

#include <gatio.hpp>

#include "harness/exit_code.hpp"
#include "harness/handlers.hpp"

namespace gatio::harness {

namespace {

int complain(const std::string& text, int code) {
  fmt::print(stderr, "gatio serve: {}\n", text);
  return code;
}

void print_metrics(const Metrics& metrics) {
  fmt::print("\n{} connections, {} requests, {} answers; {} refused, {} time-outs, {} broken\n",
             metrics.connections, metrics.requests, metrics.answers, metrics.bad_requests,
             metrics.timeouts, metrics.resets);
  if (metrics.failed_handlers + metrics.uncaught + metrics.refused + metrics.accept_errors +
          metrics.cut_off + metrics.cut_off_tasks >
      0) {
    fmt::print(
        "{} handlers threw, {} tasks threw, {} connections over the limit, {} accepts failed, {} "
        "connections and {} tasks cut off\n",
        metrics.failed_handlers, metrics.uncaught, metrics.refused, metrics.accept_errors,
        metrics.cut_off, metrics.cut_off_tasks);
  }
  fmt::print("\n{:<7} {:<5} {:>4} {:>12} {:>12} {:>12} {:>12} {:>10} {:>10}\n", "driver", "role",
             "cpu", "requests", "tasks", "enters", "hand-offs", "parks", "CPU ms");
  for (const DriverMetrics& each : metrics.drivers) {
    fmt::print("{:<7} {:<5} {:>4} {:>12} {:>12} {:>12} {:>12} {:>10} {:>10.1f}\n",
               fmt::format("{}/{}", each.node, each.driver), config::name(each.role), each.cpu,
               each.requests, each.tasks, each.enters, each.handoffs, each.parks,
               static_cast<double>(each.cpu_ns) / 1e6);
  }
}

}  // namespace

int serve_command(const ServeOptions& options) {
  Result<config::RuntimeConfig> config = config::load(options.config);
  if (!config) return complain(config.error().message(), kBadInput);
  if (!options.topology.empty()) config->topology = options.topology;
  config->without.insert(config->without.end(), options.without.begin(), options.without.end());
  LinuxKernel kernel;
  Environment environment = inspect(kernel);
  if (environment.fatal()) return complain(environment.fatal_text(), kLacking);
  if (config->listeners.empty())
    complain("note: " + options.config + " has no [[listener]], so nothing is served", 0);
  Runtime runtime(kernel,
                  {.config = std::move(*config), .cpus = {}, .stop_signals = {SIGINT, SIGTERM}});
  add_builtin_handlers(runtime);
  runtime.on_serving(&print_listening);
  if (Result<void> ran = runtime.run(); !ran)
    return complain(ran.error().message(), exit_code(ran.error()));
  Metrics metrics = runtime.metrics();
  print_metrics(metrics);
  if (!options.metrics.empty()) {
    Result<void> written = write_metrics(metrics, options.metrics);
    if (!written) return complain(written.error().message(), exit_code(written.error()));
  }
  if (runtime.lifecycle().cut_off())
    return complain("the drain's deadline passed and cut off what was left", kFinding);
  return kFine;
}

}  // namespace gatio::harness
