// A run's trace in the Chrome trace format, which Perfetto opens (ui.perfetto.dev): one row for
// each driver with its turns, and what it submitted, got back and entered as marks. A pure
// function.
#pragma once

#include <string>
#include <vector>

#include "fakes/trace.hpp"

namespace gatio::harness {

std::string chrome_trace(const std::vector<fakes::TraceEntry>& entries,
                         const std::vector<std::string>& threads, const std::string& title);

}  // namespace gatio::harness
