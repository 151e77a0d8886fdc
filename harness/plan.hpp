// What a run measures and in which order: the arms (a server configuration under one load) and, for
// each repetition, a random permutation of them in which compared arms are neighbours: they form
// pairs.
// Pure data and pure functions of the scenario and the seed; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/scenario.hpp"
#include "runtime/kernel/topology.hpp"

namespace gatio::harness {

using Arguments = std::vector<std::pair<std::string, int64_t>>;  // of one point of the sweep

// One way to start a server. All its arms share a check pass.
struct ServerSpec {
  std::string label;             // "1both", or the target's name: what the table shows
  std::string mix;               // empty for a target
  std::optional<size_t> target;  // its place in Scenario::targets
  Arguments arguments;
  std::string point;           // "work_ns:5000": the swept arguments; empty when nothing varies
  std::vector<unsigned> cpus;  // where it runs
};

struct Arm {
  size_t server = 0;  // its place in Plan::servers
  unsigned connections = 0;
  std::string name;  // "cpu/work_ns:5000/mix:1both/conns:64", as in the JSON
};

struct Plan {
  std::vector<ServerSpec> servers;
  std::vector<Arm> arms;
  std::vector<unsigned> cpus;                // all that the machine has for this process
  std::vector<std::vector<unsigned>> cores;  // the same by core: hyper-threads stand together
  std::vector<std::string> skipped;          // one sentence each
  unsigned repetitions = 0;
  unsigned seconds = 0;
};

// Leaves out what does not fit the CPUs. Targets that do not name a swept argument are measured at
// one point.
Plan make_plan(const Scenario& scenario, const Topology& topology);

// Where the load generator runs beside this server: on cores of its own as long as there are any,
// else on the hyper-threads that the server leaves, else everywhere. The last two are `shared`.
struct GeneratorPlace {
  std::vector<unsigned> cpus;
  bool shared = false;
};
GeneratorPlace place_generator(const Plan& plan, const ServerSpec& server);

// All points of the sweep: every combination of its values.
std::vector<Arguments> sweep_points(const std::vector<Sweep>& sweep);

// Makes the plan short enough for `gatio run --quick`: fewer repetitions, then only the largest
// number of connections, then fewer points of the sweep. Returns what was left out, for the user.
std::vector<std::string> shorten(Scenario& scenario, const Topology& topology,
                                 double budget_seconds);

// The arms that are compared with one another: those of one point and one number of connections.
std::vector<std::vector<size_t>> groups_of(const Plan& plan);

// order[repetition] is a permutation of all arms, set by the seed alone: the groups are shuffled,
// and the arms inside each, so that those that are compared are neighbours in time.
std::vector<std::vector<size_t>> interleave(const std::vector<std::vector<size_t>>& groups,
                                            unsigned repetitions, uint64_t seed);

}  // namespace gatio::harness
