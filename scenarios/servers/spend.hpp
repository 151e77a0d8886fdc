// A handler that computes: each request costs --work_ns of CPU, and --heavy_percent of them
// --heavy_ns more. Called before the runtime is built; each thread of the runtime counts for itself
// which of its requests are heavy.
#pragma once

#include "scenarios/servers/common/command_line.hpp"

namespace scenarios {

gatio::Result<void> serve_spend(gatio::Runtime& runtime, const Arguments& arguments);

}  // namespace scenarios
