// What a runtime counted: per driver, and in total. A plain copy of the counters, made by
// Runtime::metrics().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/config/role.hpp"

namespace gatio {

struct DriverMetrics {
  unsigned tpc = 0;     // position
  unsigned driver = 0;  // index within the TPC
  config::Role role = config::Role::both;
  unsigned cpu = 0;
  int node = 0;
  uint64_t requests = 0;  // fully received on this driver's connections
  uint64_t tasks = 0;     // resumptions of users' frames
  uint64_t sqes = 0;      // all
  uint64_t io_sqes = 0;   // those that are not wake-ups
  uint64_t enters = 0;    // io_uring_enter calls
  uint64_t cqes = 0;
  uint64_t handoffs = 0;  // messages to other drivers
  uint64_t parks = 0;
  uint64_t wakes = 0;  // parked drivers that it woke
  uint64_t cq_overflow = 0;
  uint64_t enobufs = 0;  // receives that ended for want of a buffer
  uint64_t spin_ns = 0;
  uint64_t allocations = 0;  // blocks taken from its pool: frames, operations, buffers of answers
  uint64_t cpu_ns = 0;       // of its thread; 0 while it runs
};

// The counters of a driver by their names in JSON: whoever writes, reads or subtracts them goes
// through this list.
struct DriverCounter {
  const char* name;
  uint64_t DriverMetrics::*member;
};
inline constexpr DriverCounter kDriverCounters[] = {
    {"requests", &DriverMetrics::requests},
    {"tasks", &DriverMetrics::tasks},
    {"sqes", &DriverMetrics::sqes},
    {"io_sqes", &DriverMetrics::io_sqes},
    {"enters", &DriverMetrics::enters},
    {"cqes", &DriverMetrics::cqes},
    {"handoffs", &DriverMetrics::handoffs},
    {"parks", &DriverMetrics::parks},
    {"wakes", &DriverMetrics::wakes},
    {"cq_overflow", &DriverMetrics::cq_overflow},
    {"enobufs", &DriverMetrics::enobufs},
    {"spin_ns", &DriverMetrics::spin_ns},
    {"allocations", &DriverMetrics::allocations},
    {"cpu_ns", &DriverMetrics::cpu_ns},
};

struct Metrics {
  uint64_t requests = 0;
  uint64_t answers = 0;
  uint64_t bad_requests = 0;
  uint64_t failed_handlers = 0;
  uint64_t uncaught = 0;
  uint64_t connections = 0;
  uint64_t refused = 0;
  uint64_t accept_errors = 0;
  uint64_t resets = 0;
  uint64_t timeouts = 0;
  uint64_t cut_off = 0;        // connections
  uint64_t cut_off_tasks = 0;  // detached ones
  std::vector<DriverMetrics> drivers;
};

// One JSON object, one line; the names are those of the members, and "errors" is the sum of the
// answers that were no handler's.
std::string to_json(const Metrics& metrics);

}  // namespace gatio
