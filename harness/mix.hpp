// How many CPUs a role mix asks for, which is all that the runner needs of it: the server itself
// turns the mix into drivers. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace gatio::harness {

// `1io+*exec` takes all of `available`, but at least one CPU for each part; `2pair` takes two CPUs
// a pair. A mix that is not one is an error that says what a mix looks like.
Result<unsigned> mix_cores(const std::string& mix, unsigned available);

// The CPUs that this process may use, ascending.
std::vector<unsigned> allowed_cpus();

// "0,1,5"
std::string cpu_list(const std::vector<unsigned>& cpus);

}  // namespace gatio::harness
