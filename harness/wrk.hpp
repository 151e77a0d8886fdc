// wrk as the load generator: the script that it is given, its command line, and what it prints. Its
// latency figures are left alone: they are wrong for handlers of uneven cost. Pure functions; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/scenario.hpp"
#include "runtime/base/result.hpp"

namespace gatio::harness {

struct LoadResult {
  uint64_t requests = 0;
  uint64_t duration_ns = 0;
  uint64_t bytes = 0;
  uint64_t connect_errors = 0;
  uint64_t read_errors = 0;
  uint64_t write_errors = 0;
  uint64_t status_errors = 0;  // status 400 and above
  uint64_t timeouts = 0;

  [[nodiscard]] uint64_t errors() const {
    return connect_errors + read_errors + write_errors + status_errors + timeouts;
  }
  // What went wrong with connections and replies, whatever their status; empty when nothing did.
  [[nodiscard]] std::string broken() const;
};

// A Lua script that sends `pipeline` requests at once and ends with one line for parse_wrk.
std::string wrk_script(unsigned pipeline);

std::vector<std::string> wrk_command(const Load& load, unsigned connections, unsigned seconds,
                                     uint16_t port, const std::string& script_path);

// wrk has no option that ends well and prints its version: `wrk -v` prints it and fails.
std::string wrk_version(const std::string& output);

Result<LoadResult> parse_wrk(const std::string& output);

}  // namespace gatio::harness
