// Results as Google Benchmark writes them, so that its tools read them, with what only Gatio knows
// in a nested `gatio` object. A figure that was not measured is absent. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/measurement.hpp"
#include "harness/plan.hpp"
#include "runtime/base/result.hpp"

namespace gatio::harness {

// How and on what it was measured.
struct Context {
  std::string date;                             // ISO 8601 with the offset to UTC
  std::string executable;                       // the file's name: no folder of this machine
  std::string revision;                         // of the source that gatio was built from
  std::map<std::string, std::string> binaries;  // server -> "fnv1a64:..." of its program
  std::string build_type;
  std::string cpu_model;
  std::string kernel;
  std::string topology;
  unsigned cpus = 0;  // that this process may use
  std::string generator;
  uint64_t seed = 0;
  bool complete = true;  // false after Ctrl-C, or when the time of --quick was over
};

std::string results_json(const Scenario& scenario, const Plan& plan, const Context& context,
                         const std::vector<Measurement>& measurements);

// Through a temporary file beside it, so that a reader never sees half of one.
Result<void> write_results(const std::string& path, const std::string& json);

}  // namespace gatio::harness
