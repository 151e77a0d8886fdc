// `gatio calibrate`: measures what the operations of a ring cost on this machine, for the virtual
// clocks of `gatio run --on fake`. Main thread only.
#pragma once

#include <string>

#include "fakes/fake_kernel.hpp"
#include "runtime/base/result.hpp"
#include "runtime/kernel/kernel.hpp"

namespace gatio::harness {

struct CalibrateOptions {
  std::string out;  // empty: to stdout only
};
int calibrate_command(const CalibrateOptions& options);

// An operation that fails ends it; the error says which, and names its errno.
Result<fakes::Costs> measure_costs(Kernel& kernel);

// The table as JSON, one key for each cost, in ns of CPU time.
std::string costs_json(const fakes::Costs& costs);
// Errors name the file and the key.
Result<fakes::Costs> load_costs(const std::string& path);

}  // namespace gatio::harness
