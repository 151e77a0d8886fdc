// Which CPUs a role mix takes on a machine: as many as the layout of its drivers says. Pure
// functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/kernel/topology.hpp"

namespace gatio::harness {

// The CPUs of the mix's drivers, ascending. ENOSPC when the mix is fine and the machine too small
// for it, EINVAL when it is no mix; both with a sentence that names it.
Result<std::vector<unsigned>> cpus_of_mix(const std::string& mix, const Topology& topology);

// All CPUs of the machine, ascending.
std::vector<unsigned> cpus_of(const Topology& topology);

// "0,1,5"
std::string cpu_list(const std::vector<unsigned>& cpus);
// The same for people, as in cpuset(7): "0-2,5". The CPUs are ascending.
std::string cpu_ranges(const std::vector<unsigned>& cpus);

}  // namespace gatio::harness
