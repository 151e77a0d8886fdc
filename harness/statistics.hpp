// Medians and spreads for the table. Pure functions; any thread. Verdicts are `gatio compare`'s
// business.
#pragma once

#include <vector>

namespace gatio::harness {

// The middle value, or the mean of the two middle ones. `values` must not be empty.
double median(std::vector<double> values);

// Half the distance between the quartiles, as a share of the median: half of all values lie this
// close. 0 for a single value. `values` must not be empty.
double relative_spread(std::vector<double> values);

}  // namespace gatio::harness
