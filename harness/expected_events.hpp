// What must happen now and then in a campaign of all cases, lest a property holds because nothing
// happened: the names that Sometimes::hit() counts. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gatio::harness {

// Those that are expected and not among `counts`, or 0 times.
[[nodiscard]] std::vector<const char*> events_that_never_happened(
    const std::map<std::string, uint64_t>& counts);

}  // namespace gatio::harness
