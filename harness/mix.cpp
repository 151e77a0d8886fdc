#include "harness/mix.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "runtime/tpc/layout.hpp"

namespace gatio::harness {

Result<std::vector<unsigned>> cpus_of_mix(const std::string& mix, const Topology& topology) {
  Result<config::Mix> parsed = config::parse_mix(mix);
  if (!parsed) return Error{EINVAL, parsed.error().message()};
  Result<Layout> placed = layout(topology, *parsed);
  if (!placed) return Error(placed.error());
  std::vector<unsigned> cpus;
  for (const TpcLayout& tpc : placed->tpcs) {
    for (const DriverLayout& driver : tpc.drivers) cpus.push_back(driver.pu);
  }
  std::ranges::sort(cpus);
  return cpus;
}

std::vector<unsigned> cpus_of(const Topology& topology) {
  std::vector<unsigned> cpus;
  for (const Node& node : topology.nodes) {
    for (const Core& core : node.cores) cpus.insert(cpus.end(), core.pus.begin(), core.pus.end());
  }
  std::ranges::sort(cpus);
  return cpus;
}

std::string cpu_list(const std::vector<unsigned>& cpus) {
  return fmt::format("{}", fmt::join(cpus, ","));
}

std::string cpu_ranges(const std::vector<unsigned>& cpus) {
  std::vector<std::string> ranges;
  for (size_t first = 0; first < cpus.size();) {
    size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    ranges.push_back(first == last ? fmt::format("{}", cpus[first])
                                   : fmt::format("{}-{}", cpus[first], cpus[last]));
    first = last + 1;
  }
  return fmt::format("{}", fmt::join(ranges, ","));
}

}  // namespace gatio::harness
