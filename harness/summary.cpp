#include "harness/summary.hpp"

#include <map>

#include "harness/statistics.hpp"

namespace gatio::harness {
namespace {

// The median of what `figure` gives for each measurement, where it gives something.
template <typename Figure>
std::optional<double> median_of(const std::vector<const Measurement*>& runs, Figure&& figure) {
  std::vector<double> values;
  for (const Measurement* run : runs) {
    if (const std::optional<double> value = figure(*run)) values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  return median(std::move(values));
}

ArmSummary summarize_arm(size_t arm, const std::vector<const Measurement*>& runs) {
  ArmSummary summary;
  summary.arm = arm;
  summary.repetitions = runs.size();
  std::vector<double> rates;
  std::vector<double> costs;
  size_t bound = 0;
  for (const Measurement* run : runs) {
    rates.push_back(run->requests_per_second());
    costs.push_back(run->cpu_ns_per_request());
    summary.errors += run->load.errors();
    bound += run->generator_bound ? 1 : 0;
    summary.shared = run->shared;
  }
  summary.requests_per_second = median(rates);
  summary.requests_per_second_spread = relative_spread(rates);
  summary.cpu_ns = median(costs);
  summary.cpu_ns_spread = relative_spread(costs);
  summary.generator_bound = bound * 2 > runs.size();
  summary.enters_per_request = median_of(runs, [](const Measurement& run) {
    return run.server ? run.server->per_request(&DriverMetrics::enters) : std::nullopt;
  });
  summary.handoffs_per_request = median_of(runs, [](const Measurement& run) {
    return run.server ? run.server->per_request(&DriverMetrics::handoffs) : std::nullopt;
  });
  return summary;
}

}  // namespace

std::vector<ArmSummary> summarize(const Plan& plan, const std::vector<Measurement>& measurements) {
  std::vector<ArmSummary> summaries;
  for (size_t arm = 0; arm < plan.arms.size(); ++arm) {
    std::vector<const Measurement*> runs;
    for (const Measurement& measurement : measurements) {
      if (measurement.arm == arm) runs.push_back(&measurement);
    }
    if (!runs.empty()) summaries.push_back(summarize_arm(arm, runs));
  }
  return summaries;
}

std::optional<PairedRatio> paired_cpu_ratio(const std::vector<Measurement>& measurements,
                                            size_t arm, size_t reference) {
  std::map<unsigned, double> below;  // by repetition
  for (const Measurement& measurement : measurements) {
    if (measurement.arm == reference)
      below[measurement.repetition] = measurement.cpu_ns_per_request();
  }
  std::vector<double> ratios;
  for (const Measurement& measurement : measurements) {
    const auto pair = below.find(measurement.repetition);
    if (measurement.arm != arm || pair == below.end() || pair->second <= 0) continue;
    ratios.push_back(measurement.cpu_ns_per_request() / pair->second);
  }
  if (ratios.empty()) return std::nullopt;
  return PairedRatio{median(ratios), relative_spread(ratios), ratios.size()};
}

std::vector<size_t> references_of(const Plan& plan, size_t arm) {
  const auto server_of = [&](size_t index) { return plan.servers[plan.arms[index].server]; };
  std::vector<size_t> found;
  for (const char* label : {"floor", "nginx"}) {
    for (size_t other = 0; other < plan.arms.size(); ++other) {
      const ServerSpec server = server_of(other);
      if (other != arm && server.target && server.label == label &&
          plan.arms[other].connections == plan.arms[arm].connections &&
          (server.point.empty() || server.point == server_of(arm).point)) {
        found.push_back(other);
      }
    }
  }
  return found;
}

}  // namespace gatio::harness
