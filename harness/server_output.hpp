// What a scenario server says in JSON: on stdout where it listens, and in its metrics file what it
// counted. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "harness/measurement.hpp"
#include "runtime/base/result.hpp"

namespace gatio::harness {

// The port of the first HTTP listener over TCP on the server's first line of output.
Result<uint16_t> parse_listening(const std::string& line);

// Errors name the key that is missing or wrong: a figure that is silently 0 would look like a good
// one.
Result<ServerMetrics> parse_metrics(const std::string& text);

}  // namespace gatio::harness
