// What a program that serves says to those who started it: its exit code, the first line on stdout,
// the file of its metrics. Stateless; any thread.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/metrics.hpp"
#include "runtime/runtime.hpp"

namespace gatio {

// The exit code of a program whose start failed: 4 where the environment lacks something (memory,
// descriptors, io_uring), 2 for what the user can set right: an option, a configuration, a port.
[[nodiscard]] int exit_code(const Error& error);

// One JSON object, one line: {"listening":[{"address":"127.0.0.1","port":8080,...}]}.
[[nodiscard]] std::string listening_json(const std::vector<Endpoint>& endpoints);
// Prints it on stdout at once. For Runtime::on_serving().
void print_listening(const std::vector<Endpoint>& endpoints);

// Writes the metrics as one line of JSON. The error names the file.
Result<void> write_metrics(const Metrics& metrics, const std::string& path);

}  // namespace gatio
