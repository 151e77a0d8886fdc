// The JSON that `gatio topology --json` and `gatio check --json` print. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernel/environment.hpp"
#include "runtime/kernel/topology.hpp"
#include "runtime/net/plan.hpp"
#include "runtime/tpc/layout.hpp"

namespace gatio::harness {

std::string topology_json(const Topology& topology, const Environment& environment);
std::string plan_json(const std::string& topology, const Layout& layout, const PortPlan& plan);
std::string conflicts_json(const std::vector<Conflict>& conflicts);

}  // namespace gatio::harness
