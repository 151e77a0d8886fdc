#include "harness/circumstances.hpp"

#include <fmt/format.h>
#include <string.h>
#include <sys/utsname.h>

#include <ctime>
#include <fstream>
#include <gatio_build.hpp>  // made by cmake/build_info.cmake
#include <optional>
#include <set>
#include <sstream>

#include "harness/mix.hpp"

namespace gatio::harness {
namespace {

// The pattern that all nodes and cores follow, if they follow one.
std::optional<std::string> pattern_of(const Topology& topology) {
  if (topology.nodes.empty() || topology.nodes[0].cores.empty()) return std::nullopt;
  const size_t cores = topology.nodes[0].cores.size();
  const size_t pus = topology.nodes[0].cores[0].pus.size();
  for (const Node& node : topology.nodes) {
    if (node.cores.size() != cores) return std::nullopt;
    for (const Core& core : node.cores) {
      if (core.pus.size() != pus) return std::nullopt;
    }
  }
  return fmt::format("numa:{} core:{} pu:{}", topology.nodes.size(), cores, pus);
}

bool ends_path(char c) {
  return std::string_view(" \t\n\"'`,;:()[]{}<>=").find(c) != std::string_view::npos;
}

}  // namespace

std::string now_iso() {
  const time_t now = time(nullptr);
  tm parts{};
  localtime_r(&now, &parts);
  char text[40];
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &parts);
  return std::string(text).insert(strlen(text) - 2, ":");
}

std::string kernel_release() {
  utsname name{};
  return uname(&name) == 0 ? fmt::format("{} {} {}", name.sysname, name.release, name.machine)
                           : "unknown";
}

std::string cpu_model() {
  std::ostringstream text;
  text << std::ifstream("/proc/cpuinfo").rdbuf();
  const std::string model = cpu_model_in(text.str());
  return model.empty() ? "unknown" : model;
}

std::string cpu_model_in(const std::string& cpuinfo) {
  std::istringstream lines(cpuinfo);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

std::string describe_topology(const Topology& topology) {
  std::set<unsigned> caches;
  for (const Node& node : topology.nodes) {
    for (const Core& core : node.cores) caches.insert(core.l3);
  }
  const std::string shape =
      pattern_of(topology).value_or(fmt::format("{} nodes, {} cores, {} PUs", topology.nodes.size(),
                                                topology.core_count(), topology.pu_count()));
  return fmt::format("{} (cpus {}; {} L3)", shape, cpu_ranges(cpus_of(topology)), caches.size());
}

std::string build_revision() {
  return GATIO_REVISION;
}

std::string build_type() {
  return GATIO_BUILD_TYPE;
}

std::string library_build_type(std::string_view build_type) {
  const bool release =
      build_type == "RelWithDebInfo" || build_type == "Release" || build_type == "MinSizeRel";
  return release ? "release" : "debug";
}

std::string file_hash(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return "";
  uint64_t hash = 0xcbf29ce484222325;
  char buffer[65536];
  while (in.read(buffer, sizeof(buffer)), in.gcount() > 0) {
    for (std::streamsize i = 0; i < in.gcount(); ++i)
      hash = (hash ^ static_cast<unsigned char>(buffer[i])) * 0x100000001b3;
  }
  return fmt::format("fnv1a64:{:016x}", hash);
}

std::string without_folders(std::string_view sentence) {
  std::string text;
  for (size_t at = 0; at < sentence.size();) {
    if (sentence[at] != '/' || (at > 0 && !ends_path(sentence[at - 1]))) {
      text += sentence[at++];
      continue;
    }
    size_t end = at;
    while (end < sentence.size() && !ends_path(sentence[end])) ++end;
    const std::string_view path = sentence.substr(at, end - at);
    text += path.size() == 1 ? path : path.substr(path.find_last_of('/', path.size() - 2) + 1);
    at = end;
  }
  return text;
}

}  // namespace gatio::harness
