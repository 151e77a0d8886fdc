#include "harness/topology_command.hpp"

#include <fmt/format.h>

#include <map>

#include "harness/describe_json.hpp"
#include "harness/exit_code.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio::harness {
namespace {

std::string counted(size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string bytes_text(uint64_t bytes) {
  if (bytes == UINT64_MAX) return "no limit";
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, kUnits[unit]);
}

// "0-3, 8" for cores with one CPU each, "0+64, 1+65" for those with hyper-threads.
std::string cpus_text(const std::vector<const Core*>& cores) {
  std::string text;
  for (size_t i = 0; i < cores.size();) {
    const std::vector<unsigned>& pus = cores[i]->pus;
    size_t end = i + 1;
    while (pus.size() == 1 && end < cores.size() && cores[end]->pus.size() == 1 &&
           cores[end]->pus[0] == pus[0] + (end - i))
      ++end;
    if (!text.empty()) text += ", ";
    text += fmt::format("{}", fmt::join(pus, "+"));
    if (end - i > 1) text += fmt::format("-{}", cores[end - 1]->pus[0]);
    i = end;
  }
  return text;
}

void print_node(const Node& node) {
  fmt::print("Node {}: {}, {}\n", node.os_index,
             node.cores.empty() ? "no core" : counted(node.cores.size(), "core"),
             node.memory_bytes == 0 ? "no memory" : bytes_text(node.memory_bytes) + " of memory");
  std::map<unsigned, std::vector<const Core*>> groups;
  for (const Core& core : node.cores) groups[core.l3].push_back(&core);
  for (const auto& [l3, cores] : groups)
    fmt::print("  L3 {}: {}, CPU {}\n", l3, counted(cores.size(), "core"), cpus_text(cores));
}

void print_distances(const Topology& topology) {
  if (topology.nodes.size() < 2) return;
  fmt::print("\nDistances between nodes (10 = local)\n  from\\to");
  for (const Node& to : topology.nodes) fmt::print("{:>5}", to.os_index);
  fmt::print("\n");
  for (size_t from = 0; from < topology.nodes.size(); ++from) {
    fmt::print("  {:>7}", topology.nodes[from].os_index);
    for (unsigned distance : topology.distances[from]) fmt::print("{:>5}", distance);
    fmt::print("\n");
  }
}

void print_environment(const Environment& environment) {
  const Limits& limits = environment.limits;
  fmt::print("\nWhat this kernel gave (Linux {})\n", limits.kernel_release);
  for (const FeatureName& each : feature_names())
    fmt::print(
        "  {:<20} {:<4} {:<16} {}{}\n", each.name, environment.features.*each.member ? "yes" : "no",
        fmt::format("since Linux {}", each.since), each.purpose, each.used ? "" : " (not used)");
  fmt::print("\nLimits\n  locked memory  {}\n  open files     {} (up to {} on request)\n",
             bytes_text(limits.locked_memory_bytes), limits.open_files, limits.open_files_hard);
  for (const Problem& each : environment.problems)
    if (each.severity == Problem::Severity::warning) fmt::print("  {}\n", each.text);
}

}  // namespace

int topology_command(const TopologyOptions& options) {
  auto topology = load_topology(options.topology);
  if (!topology) {
    fmt::print(stderr, "gatio topology: {}\n", topology.error().text);
    return kBadInput;
  }
  LinuxKernel kernel;
  Environment environment = inspect(kernel);
  if (options.json) {
    fmt::print("{}", topology_json(*topology, environment));
  } else {
    fmt::print("Topology {}: {}, {}, {}\n\n", topology->source,
               counted(topology->nodes.size(), "node"), counted(topology->core_count(), "core"),
               counted(topology->pu_count(), "CPU"));
    for (const Node& node : topology->nodes) print_node(node);
    print_distances(*topology);
    print_environment(environment);
  }
  if (!environment.fatal()) return kFine;
  fmt::print(stderr, "gatio topology: {}\n", environment.fatal_text());
  return kLacking;
}

}  // namespace gatio::harness
