#include "harness/statistics.hpp"

#include <algorithm>
#include <cstddef>

#include "runtime/base/assert.hpp"

namespace gatio::harness {
namespace {

// Linear between the two values around the position, as most tools do it.
double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double median(std::vector<double> values) {
  GATIO_ASSERT(!values.empty());
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

double relative_spread(std::vector<double> values) {
  GATIO_ASSERT(!values.empty());
  std::sort(values.begin(), values.end());
  const double middle = quantile(values, 0.5);
  return middle == 0 ? 0 : (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / middle;
}

}  // namespace gatio::harness
