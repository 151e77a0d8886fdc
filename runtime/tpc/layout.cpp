#include "runtime/tpc/layout.hpp"

#include <errno.h>

#include <algorithm>
#include <map>

namespace gatio {
namespace {

using config::Kind;
using config::MixPart;
using config::NodeMix;
using config::TpcConfig;

std::string counted(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

struct Given {
  NodeMix mix;
  config::Place place;  // of the TPC that gives it
};

// Which mix each node gets, by the node's position in the topology.
using MixByPosition = std::map<size_t, Given>;

// The error, led by its place where it has one: "a.toml:5: tpc: ...".
std::unexpected<Error> at(const config::Place& place, Error error) {
  if (!place.text().empty()) error.text = place.text() + ": tpc: " + error.text;
  return std::unexpected(std::move(error));
}

Result<size_t> position_of(const Topology& topology, unsigned os_index, const std::string& mix) {
  auto node = std::ranges::find(topology.nodes, os_index, &Node::os_index);
  if (node != topology.nodes.end()) return node - topology.nodes.begin();
  std::string there;
  for (const Node& each : topology.nodes)
    there += (there.empty() ? "" : ", ") + std::to_string(each.os_index);
  return fail(ENOSPC, "mix '" + mix + "' is for node " + std::to_string(os_index) +
                          ", but this machine has only node " + there);
}

Result<void> assign(const Topology& topology, size_t position, const Given& given,
                    MixByPosition& mixes) {
  if (mixes.try_emplace(position, given).second) return {};
  return fail(EINVAL, "node " + std::to_string(topology.nodes[position].os_index) +
                          " is given two mixes, '" + print(mixes[position].mix) + "' and '" +
                          print(given.mix) + "', but a node has one TPC");
}

Result<void> assign_tpc(const Topology& topology, const TpcConfig& tpc, MixByPosition& mixes) {
  std::string text = print(tpc.drivers);
  if (text.empty()) return fail(EINVAL, "a TPC's mix is empty");
  bool per_node = tpc.drivers.nodes.front().node.has_value();
  if (per_node && !tpc.nodes.empty())
    return fail(EINVAL,
                "mix '" + text + "' names its nodes, so its TPC cannot have `nodes` as well");
  std::vector<std::pair<size_t, Given>> wanted;
  for (const NodeMix& mix : tpc.drivers.nodes) {
    Given plain{.mix = {.node = {}, .parts = mix.parts}, .place = tpc.declared};
    std::vector<unsigned> nodes = mix.node ? std::vector{*mix.node} : tpc.nodes;
    for (unsigned node : nodes) {
      auto position = position_of(topology, node, text);
      if (!position) return std::unexpected(position.error());
      wanted.emplace_back(*position, plain);
    }
    // "Every node" leaves out those that have memory only, or of which this process may use no
    // core.
    for (size_t i = 0; nodes.empty() && i < topology.nodes.size(); ++i)
      if (!topology.nodes[i].cores.empty()) wanted.emplace_back(i, plain);
  }
  for (const auto& [position, given] : wanted)
    if (auto ok = assign(topology, position, given, mixes); !ok) return ok;
  return {};
}

// How many cores each part of the mix takes, `*` resolved.
Result<std::vector<unsigned>> cores_of_parts(const NodeMix& mix, const Node& node) {
  size_t fixed = 0;
  bool star = false;
  for (const MixPart& part : mix.parts) {
    star |= part.cores == MixPart::kAllLeft;
    if (part.cores != MixPart::kAllLeft) fixed += part.cores;
  }
  size_t there = node.cores.size();
  if (fixed + star > there)
    return fail(ENOSPC, "mix '" + print(mix) + "' needs " + (star ? "at least " : "") +
                            counted(fixed + star, "core") + ", but node " +
                            std::to_string(node.os_index) + " has " + counted(there, "core"));
  std::vector<unsigned> cores;
  for (const MixPart& part : mix.parts)
    cores.push_back(part.cores == MixPart::kAllLeft ? static_cast<unsigned>(there - fixed)
                                                    : part.cores);
  return cores;
}

Role role_of(Kind kind) {
  return kind == Kind::io ? Role::io : kind == Kind::exec ? Role::exec : Role::both;
}

Result<void> place_core(TpcLayout& tpc, Kind kind, const Core& core) {
  unsigned index = static_cast<unsigned>(tpc.drivers.size());
  DriverLayout driver{.node = tpc.os_index,
                      .index = index,
                      .core = core.index,
                      .l3 = core.l3,
                      .pu = core.pus[0],
                      .role = role_of(kind),
                      .partner = {}};
  if (kind != Kind::pair) {
    tpc.drivers.push_back(driver);
    return {};
  }
  if (core.pus.size() < 2)
    return fail(ENOSPC, "mix '" + tpc.mix + "' needs two CPUs on a core for a pair, but core " +
                            std::to_string(core.index) + " of node " +
                            std::to_string(tpc.os_index) + " has one (no hyper-thread)");
  driver.role = Role::io;
  driver.partner = index + 1;
  tpc.drivers.push_back(driver);
  driver.index = index + 1;
  driver.pu = core.pus[1];
  driver.role = Role::exec;
  driver.partner = index;
  tpc.drivers.push_back(driver);
  return {};
}

Result<TpcLayout> place_node(const Topology& topology, size_t position, const NodeMix& mix) {
  const Node& node = topology.nodes[position];
  TpcLayout tpc{.position = static_cast<unsigned>(position),
                .os_index = node.os_index,
                .mix = print(mix),
                .drivers = {},
                .nearest_io = {},
                .nearest_exec = {}};
  auto cores = cores_of_parts(mix, node);
  if (!cores) return std::unexpected(cores.error());
  size_t next = 0;
  for (size_t i = 0; i < mix.parts.size(); ++i)
    for (unsigned taken = 0; taken < (*cores)[i]; ++taken)
      if (auto ok = place_core(tpc, mix.parts[i].kind, node.cores[next++]); !ok)
        return std::unexpected(ok.error());
  return tpc;
}

// The nearest driver for which `wanted` holds, seen from `from`; none where it has one of its own.
std::optional<DriverName> nearest(const Topology& topology, const Layout& layout,
                                  const TpcLayout& from, bool (*wanted)(Role)) {
  std::optional<DriverName> best;
  unsigned best_distance = 0;
  for (const TpcLayout& tpc : layout.tpcs) {
    auto driver = std::ranges::find_if(tpc.drivers,
                                       [&](const DriverLayout& each) { return wanted(each.role); });
    if (driver == tpc.drivers.end()) continue;
    if (&tpc == &from) return {};
    unsigned distance = topology.distances[from.position][tpc.position];
    if (best && distance >= best_distance) continue;
    best = driver->name();
    best_distance = distance;
  }
  return best;
}

}  // namespace

const DriverLayout* Layout::find(DriverName name) const {
  auto tpc = std::ranges::find(tpcs, name.node, &TpcLayout::os_index);
  return tpc == tpcs.end() || name.index >= tpc->drivers.size() ? nullptr
                                                                : &tpc->drivers[name.index];
}

unsigned Layout::driver_count() const {
  size_t count = 0;
  for (const TpcLayout& tpc : tpcs) count += tpc.drivers.size();
  return static_cast<unsigned>(count);
}

Result<Topology> cut(const Topology& topology, const std::vector<unsigned>& cpus) {
  Topology result = topology;
  std::vector<unsigned> missing = cpus;
  for (Node& node : result.nodes) {
    for (Core& core : node.cores) {
      std::erase_if(missing, [&](unsigned cpu) { return std::ranges::count(core.pus, cpu) > 0; });
      std::erase_if(core.pus, [&](unsigned pu) { return std::ranges::count(cpus, pu) == 0; });
    }
    std::erase_if(node.cores, [](const Core& core) { return core.pus.empty(); });
  }
  if (!missing.empty())
    return fail(EINVAL, "CPU " + std::to_string(missing.front()) +
                            " is not one that this process may use in topology '" +
                            topology.source + "'");
  return result;
}

Result<Layout> layout(const Topology& topology, const LayoutOptions& options) {
  if (!options.cpus.empty()) {
    auto smaller = cut(topology, options.cpus);
    if (!smaller) return std::unexpected(smaller.error());
    return layout(*smaller, {.tpcs = options.tpcs, .cpus = {}});
  }
  MixByPosition mixes;
  std::vector<TpcConfig> tpcs = options.tpcs.empty() ? std::vector<TpcConfig>(1) : options.tpcs;
  for (const TpcConfig& tpc : tpcs)
    if (auto ok = assign_tpc(topology, tpc, mixes); !ok) return at(tpc.declared, ok.error());
  Layout result;
  for (const auto& [position, given] : mixes) {
    auto tpc = place_node(topology, position, given.mix);
    if (!tpc) return at(given.place, tpc.error());
    result.tpcs.push_back(std::move(*tpc));
  }
  if (result.tpcs.empty())
    return fail(ENOSPC, "topology '" + topology.source + "' has no core to put a driver on");
  for (TpcLayout& tpc : result.tpcs) {
    tpc.nearest_io = nearest(topology, result, tpc, config::does_io);
    tpc.nearest_exec = nearest(topology, result, tpc, config::executes);
  }
  return result;
}

Result<Layout> layout(const Topology& topology, const config::Mix& mix,
                      std::vector<unsigned> cpus) {
  return layout(topology,
                {.tpcs = {{.nodes = {}, .drivers = mix, .declared = {}}}, .cpus = std::move(cpus)});
}

}  // namespace gatio
