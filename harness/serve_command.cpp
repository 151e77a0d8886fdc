#include "harness/serve_command.hpp"

#include <fmt/core.h>
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <gatio.hpp>

#include "harness/exit_code.hpp"
#include "harness/handlers.hpp"

namespace gatio::harness {

namespace {

// The exit code for a runtime that could not be built or started.
int exit_code(const Error& error) {
  switch (error.code) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case ENOSYS:
      return kLacking;
    default:
      return kBadInput;
  }
}

int complain(const std::string& text, int code) {
  fmt::print(stderr, "gatio serve: {}\n", text);
  return code;
}

void print_endpoints(const std::vector<Endpoint>& endpoints) {
  std::string list;
  for (const Endpoint& each : endpoints) {
    list += fmt::format(R"({}{{"address":"{}","port":{},"transport":"{}","protocol":"{}"}})",
                        list.empty() ? "" : ",", each.address, each.port,
                        config::name(each.transport), each.protocol);
  }
  fmt::print("{{\"listening\":[{}]}}\n", list);
  std::fflush(stdout);
}

void print_metrics(const Metrics& metrics) {
  fmt::print("\n{} connections, {} requests, {} answers; {} refused, {} time-outs, {} broken\n",
             metrics.connections, metrics.requests, metrics.answers, metrics.bad_requests,
             metrics.timeouts, metrics.resets);
  if (metrics.failed_handlers + metrics.uncaught + metrics.refused + metrics.accept_errors +
          metrics.cut_off >
      0) {
    fmt::print(
        "{} handlers threw, {} tasks threw, {} connections over the limit, {} accepts failed, {} "
        "cut off\n",
        metrics.failed_handlers, metrics.uncaught, metrics.refused, metrics.accept_errors,
        metrics.cut_off);
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

bool write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return false;
  bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && written;
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
  Runtime runtime(kernel,
                  {.config = std::move(*config), .cpus = {}, .stop_signals = {SIGINT, SIGTERM}});
  add_builtin_handlers(runtime);
  runtime.on_serving(&print_endpoints);
  if (Result<void> built = runtime.build(); !built)
    return complain(built.error().message(), exit_code(built.error()));
  if (Result<void> ran = runtime.run(); !ran)
    return complain(ran.error().message(), exit_code(ran.error()));
  Metrics metrics = runtime.metrics();
  print_metrics(metrics);
  if (!options.metrics.empty() && !write_file(options.metrics, to_json(metrics) + "\n")) {
    return complain("cannot write the metrics to " + options.metrics, kBadInput);
  }
  if (runtime.lifecycle().cut_off())
    return complain("the drain's deadline passed and cut off what was left", kFinding);
  return kFine;
}

}  // namespace gatio::harness
