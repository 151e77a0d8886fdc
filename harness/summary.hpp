// The figures of a run by arm: medians, spreads and paired ratios. What the table shows. Pure
// functions over the measurements; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/measurement.hpp"
#include "harness/plan.hpp"

namespace gatio::harness {

struct ArmSummary {
  size_t arm = 0;
  size_t repetitions = 0;
  double requests_per_second = 0;
  double requests_per_second_spread = 0;  // relative, as statistics.hpp says
  double cpu_ns = 0;                      // of the server, for each request
  double cpu_ns_spread = 0;
  std::optional<double> enters_per_request;  // nothing for servers that do not tell
  std::optional<double> handoffs_per_request;
  uint64_t errors = 0;           // of all repetitions
  bool generator_bound = false;  // in most repetitions
  bool shared = false;
};

// One entry for each arm that was measured at least once, in the plan's order.
std::vector<ArmSummary> summarize(const Plan& plan, const std::vector<Measurement>& measurements);

// (CPU ns per request of one arm) / (that of a reference), both from the same repetition.
struct PairedRatio {
  double median = 0;
  double spread = 0;  // relative, as statistics.hpp says
  size_t pairs = 0;
};

// Nothing when no repetition has both.
std::optional<PairedRatio> paired_cpu_ratio(const std::vector<Measurement>& measurements,
                                            size_t arm, size_t reference);

// The arms that `arm` is put in relation to: the targets floor and nginx under the same load.
std::vector<size_t> references_of(const Plan& plan, size_t arm);

// The table as text: a group for each point and number of connections, ranked by CPU ns per
// request.
std::string render_table(const Scenario& scenario, const Plan& plan,
                         const std::vector<Measurement>& measurements);

}  // namespace gatio::harness
