// Answers every request with the same few bytes: what is left to measure is the runtime. Called
// before the runtime is built; its handler is stateless.
#pragma once

#include "scenarios/servers/common/command_line.hpp"

namespace scenarios {

gatio::Result<void> serve_hello(gatio::Runtime& runtime, const Arguments& arguments);

}  // namespace scenarios
