#include "harness/check_command.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/describe_json.hpp"
#include "harness/exit_code.hpp"
#include "runtime/config/runtime_config.hpp"
#include "runtime/config/suggest.hpp"
#include "runtime/kernel/features.hpp"

namespace gatio::harness {
namespace {

int refuse(const std::string& sentence) {
  fmt::print(stderr, "gatio check: {}\n", sentence);
  return kBadInput;
}

std::string listed(const std::vector<DriverName>& drivers) {
  std::vector<std::string> names;
  for (DriverName each : drivers) names.push_back(each.text());
  return fmt::format("{}", fmt::join(names, ", "));
}

void print_port(const PlannedPort& port) {
  fmt::print("Port {}: {} driver{} ({}), configuration {:016x}\n", port.name(), port.members.size(),
             port.members.size() == 1 ? "" : "s", listed(port.members), port.canonical.hash());
  std::string line = " ";
  for (const auto& [field, value] : port.canonical.fields()) {
    std::string item = fmt::format(" {}={}", field, value);
    if (line.size() + item.size() > 100) {
      fmt::print("{}\n", line);
      line = " ";
    }
    line += item;
  }
  fmt::print("{}\n\n", line);
}

// What the driver serves; or, of those that serve nothing, why.
std::string serves(const DriverLayout& driver, const PortPlan& plan) {
  std::vector<std::string> ports;
  for (const PlannedPort* each : plan.served_by(driver.name()))
    ports.push_back(fmt::format("{} ({:08x})", each->name(), each->canonical.hash() >> 32));
  if (!ports.empty()) return fmt::format("{}", fmt::join(ports, ", "));
  return does_io(driver.role) ? "no port" : "tasks only";
}

void print_drivers(const Layout& layout, const PortPlan& plan) {
  fmt::print("{:<8} {:<5} {:>4} {:>5} {:>4}  {}\n", "driver", "role", "CPU", "core", "L3",
             "serves");
  for (const TpcLayout& tpc : layout.tpcs) {
    for (const DriverLayout& driver : tpc.drivers)
      fmt::print("{:<8} {:<5} {:>4} {:>5} {:>4}  {}\n", driver.name().text(), name(driver.role),
                 driver.pu, driver.core, driver.l3, serves(driver, plan));
    if (tpc.nearest_io)
      fmt::print("         node {} has no io driver: its I/O goes to {}\n", tpc.os_index,
                 tpc.nearest_io->text());
    if (tpc.nearest_exec)
      fmt::print("         node {} executes no tasks: they go to {} and its neighbours\n",
                 tpc.os_index, tpc.nearest_exec->text());
  }
}

// What only a program of the user's can give is no error: it may register such names.
void note_names(const config::RuntimeConfig& config) {
  const std::vector<std::string_view> protocols{"http", "echo"};
  const std::vector<std::string_view> handlers{"hello", "spend", "echo"};
  auto note = [](const ListenerConfig& listener, const char* key, const std::string& value,
                 const std::vector<std::string_view>& known) {
    if (std::ranges::count(known, value) > 0) return;
    auto near = config::closest(value, known);
    fmt::print(stderr,
               "{}:{}: listener.{}: note: \"{}\" is none that `gatio serve` has ({}); a program "
               "must register it{}\n",
               listener.declared.file, listener.declared.line, key, value, fmt::join(known, ", "),
               near ? fmt::format("; did you mean '{}'?", *near) : "");
  };
  for (const ListenerConfig& listener : config.listeners) {
    note(listener, "protocol", listener.protocol, protocols);
    if (listener.protocol == "http") note(listener, "handler", listener.handler, handlers);
  }
}

}  // namespace

int check_command(const CheckOptions& options) {
  auto config = config::load(options.config);
  if (!config) return refuse(config.error().text);
  std::string where = options.config + ": ";
  for (const std::string& feature : config->without)
    if (auto known = parse_features(feature); !known)
      return refuse(where + "runtime.without: " + known.error().text);
  auto topology = load_topology(options.topology.empty() ? config->topology : options.topology);
  if (!topology)
    return refuse(options.topology.empty() ? where + topology.error().text : topology.error().text);
  auto layout = gatio::layout(*topology, {.tpcs = config->tpcs, .cpus = {}});
  if (!layout) return refuse(layout.error().text + " (topology '" + topology->source + "')");
  auto plan = plan_ports(config->listeners, *layout);
  if (!plan) {
    for (const Conflict& each : plan.error()) refuse(each.sentence);
    if (options.json) fmt::print("{}", conflicts_json(plan.error()));
    return kBadInput;
  }
  note_names(*config);
  if (options.json) {
    fmt::print("{}", plan_json(topology->source, *layout, *plan));
    return kFine;
  }
  fmt::print("Topology {}\n\n", topology->source);
  for (const PlannedPort& port : plan->ports) print_port(port);
  print_drivers(*layout, *plan);
  return kFine;
}

}  // namespace gatio::harness
