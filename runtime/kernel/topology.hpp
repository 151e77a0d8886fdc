// The machine as the runtime sees it: NUMA nodes, cores and processing units, cut to what this
// process may use. Plain data, made once at start-up, then read by any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace gatio {

struct Core {
  unsigned index = 0;  // logical number within its node, 0..n-1
  unsigned l3 = 0;     // cores with the same number share a last-level cache (machine-wide)
  // The operating system's CPU numbers, ascending; two on a core with hyper-threads.
  std::vector<unsigned> pus;
};

struct Node {
  unsigned os_index = 0;      // what mbind(2) takes; not always the position in Topology::nodes
  uint64_t memory_bytes = 0;  // 0 on a memoryless node: nothing can be bound to it
  std::vector<Core> cores;    // empty on a node that has memory only
};

struct Topology {
  std::string source;  // "this", the synthetic description, or the file's name
  std::vector<Node> nodes;
  // [from][to] by position in `nodes`, 10 = local; as in numactl -H.
  std::vector<std::vector<unsigned>> distances;

  [[nodiscard]] unsigned core_count() const;
  [[nodiscard]] unsigned pu_count() const;
};

// This machine by hwloc, cut to the process's cpuset and its sched_getaffinity(2) mask.
Result<Topology> this_machine();

// "this", a synthetic hwloc description such as "numa:2 core:4 pu:2", or the path of an lstopo XML
// file (ending in .xml). Errors: a sentence that names the description and says what is wrong.
Result<Topology> load_topology(const std::string& description);

}  // namespace gatio
