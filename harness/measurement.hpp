// What one timed pass gave. Plain data, made by the runner, read by the table and the JSON; one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/usage.hpp"
#include "harness/wrk.hpp"
#include "runtime/metrics.hpp"

namespace gatio::harness {

// Over the server's whole life: warm-up and timed pass.
struct ServerMetrics {
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t connections = 0;
  std::vector<DriverMetrics> drivers;

  [[nodiscard]] uint64_t sum(uint64_t DriverMetrics::*counter) const {
    uint64_t total = 0;
    for (const DriverMetrics& driver : drivers) total += driver.*counter;
    return total;
  }
  // A counter of all drivers for each request; nothing when there was no request or no driver.
  [[nodiscard]] std::optional<double> per_request(uint64_t DriverMetrics::*counter) const {
    if (requests == 0 || drivers.empty()) return std::nullopt;
    return static_cast<double>(sum(counter)) / static_cast<double>(requests);
  }
};

struct Measurement {
  size_t arm = 0;  // its place in Plan::arms
  unsigned repetition = 0;
  unsigned order = 0;  // how many timed passes came before it
  LoadResult load;
  uint64_t server_cpu_ns = 0;
  uint64_t server_context_switches = 0;
  uint64_t generator_cpu_ns = 0;
  std::vector<unsigned> generator_cpus;
  bool shared = false;           // the generator ran on the server's cores too
  bool generator_bound = false;  // its throughput says more about wrk than about the server
  Pressure pressure;
  // On the fake kernel: all that only a real machine could tell is not measured.
  bool simulated = false;
  std::optional<double> latency_p50_us;  // from the intended start to the last byte
  std::optional<double> latency_p99_us;
  std::optional<ServerMetrics> server;  // of servers of ours only

  [[nodiscard]] double requests_per_second() const {
    return static_cast<double>(load.requests) * 1e9 / static_cast<double>(load.duration_ns);
  }
  [[nodiscard]] double cpu_ns_per_request() const {
    return static_cast<double>(server_cpu_ns) / static_cast<double>(load.requests);
  }
};

}  // namespace gatio::harness
