// Which driver sits on which core: a pure function of the machine and the mixes. Made once at
// start-up, then read by any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/role.hpp"
#include "runtime/config/runtime_config.hpp"
#include "runtime/kernel/topology.hpp"

namespace gatio {

using config::DriverName;
using config::Role;

struct DriverLayout {
  unsigned node = 0;   // the operating system's number of its TPC's node
  unsigned index = 0;  // within its TPC, 0..n-1
  unsigned core = 0;   // Core::index on that node
  unsigned l3 = 0;     // Core::l3
  unsigned pu = 0;     // the CPU that its thread is pinned to, the operating system's number
  Role role = Role::both;
  std::optional<unsigned> partner;  // of a pair: the index of the other half, in the same TPC

  [[nodiscard]] DriverName name() const { return {node, index}; }
  bool operator==(const DriverLayout&) const = default;
};

struct TpcLayout {
  unsigned position = 0;  // in Topology::nodes
  unsigned os_index = 0;  // Node::os_index, what mbind(2) takes
  std::string mix;        // as written, for people
  std::vector<DriverLayout> drivers;
  // Set where no driver of this TPC does I/O (executes): the nearest one that does, by distance
  // between the nodes, then by number; absent also where the whole machine has none.
  std::optional<DriverName> nearest_io;
  std::optional<DriverName> nearest_exec;
  bool operator==(const TpcLayout&) const = default;
};

struct Layout {
  std::vector<TpcLayout>
      tpcs;  // in the order of Topology::nodes; nodes without a driver have no TPC

  [[nodiscard]] const DriverLayout* find(DriverName name) const;
  [[nodiscard]] unsigned driver_count() const;
  bool operator==(const Layout&) const = default;
};

struct LayoutOptions {
  std::vector<config::TpcConfig> tpcs;  // empty: one `*both` TPC on every node
  std::vector<unsigned> cpus;           // use only these CPUs; empty: all
};

// An error names the mix, the node, and how many cores there are; its code is ENOSPC where the mix
// is fine but too big for this machine (or needs hyper-threads that it lacks), so that a caller can
// skip it by name, and EINVAL otherwise.
Result<Layout> layout(const Topology& topology, const LayoutOptions& options);

// The same mix for every node: what `gatio run --mix` asks for.
Result<Layout> layout(const Topology& topology, const config::Mix& mix,
                      std::vector<unsigned> cpus = {});

// The topology cut to these CPUs; cores and nodes stay, with fewer PUs or cores. A CPU that is not
// there is an error.
Result<Topology> cut(const Topology& topology, const std::vector<unsigned>& cpus);

}  // namespace gatio
