// `gatio explore`: the property campaign on the fake kernel; and `gatio replay`: one failure again.
// Main thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/simulation/cases.hpp"

namespace gatio::harness {

struct ExploreOptions {
  std::string seeds = "1..20000";             // A..B
  double minutes = 0;                         // 0: until all seeds are done
  std::vector<std::string> cases;             // empty: all
  bool turns_only = false;                    // drivers are never interrupted within a turn
  unsigned workers = 0;                       // 0: one for each CPU
  std::string trace = "gatio-trace.json";     // where the trace of a failure goes
  std::string failure = "gatio-failure.txt";  // and what people read of it
  std::vector<const Case*> planted;           // cases of a test, instead of all
};
int explore_command(const ExploreOptions& options);

struct ReplayOptions {
  std::string line;
  std::string trace;    // empty: none
  std::string failure;  // the same
};
int replay_command(const ReplayOptions& options);

}  // namespace gatio::harness
