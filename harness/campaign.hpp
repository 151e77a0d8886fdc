// Many seeds, over worker processes on all cores: each worker runs whole cases one after the other,
// and the first finding ends the campaign. The parent shows progress and gathers what was counted.
// Main thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/interrupt.hpp"
#include "harness/simulation/cases.hpp"

namespace gatio::harness {

struct CampaignOptions {
  uint64_t first_seed = 1;
  uint64_t last_seed = 20'000;
  std::optional<double> minutes;  // ends then, whatever is left
  unsigned workers = 1;
  std::vector<const Case*> cases;  // a seed runs the one that it falls to
  CaseOptions options;
};

struct CampaignResult {
  struct Failure {
    const Case* which = nullptr;
    uint64_t seed = 0;
  };
  // Of a run.
  struct Medians {
    uint64_t choices = 0;
    uint64_t steps = 0;
    uint64_t cqes = 0;
    uint64_t preemptions = 0;
    uint64_t faults = 0;
  };
  std::optional<Failure> failure;
  bool interrupted = false;
  uint64_t runs = 0;
  double seconds = 0;
  double virtual_seconds = 0;
  uint64_t steps = 0;
  uint64_t preemptions = 0;
  uint64_t cqes = 0;
  uint64_t faults = 0;
  uint64_t events = 0;
  uint64_t choices = 0;  // in all, as what stands above
  Medians median;
  uint64_t hash = 0;                          // over all runs; does not depend on the order
  std::map<std::string, uint64_t> sometimes;  // what happened, and how often
};

CampaignResult run_campaign(const CampaignOptions& options, const Interrupt& interrupt);

inline const Case& case_of(const CampaignOptions& options, uint64_t seed) {
  return *options.cases[seed % options.cases.size()];
}

}  // namespace gatio::harness
