// One run of an HTTP server at work that is shut down under its clients: its handlers compute and
// sleep, its buffers are few, and the clients ask many things at once, ask slowly, ask nothing or
// stay. Both the case "drain" and tests make the load. One simulation at a time in a process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/simulation/cases.hpp"
#include "harness/simulation/http_client.hpp"
#include "harness/simulation/shape.hpp"

namespace gatio::harness {

struct DrainLoad {
  std::vector<HttpClientOptions> clients;  // their ports are filled in
  unsigned buffers = 16;                   // of each driver
  unsigned buffer_bytes = 256;
  unsigned drain_ms = 10'000;
  bool storm = false;        // on small rings
  bool computes = false;     // handlers keep their driver for themselves
  bool sleeps = false;       // handlers let others run
  uint32_t most_us = 1;      // how long, at most
  bool patient = false;      // the shutdown waits until all are served
  uint64_t shutdown_ns = 0;  // after the start, otherwise
};

std::string print(const DrainLoad& load);

// Findings R10 where a client does not get what a drain owes to it; S1 and S12 as in any run.
CaseResult run_drain_load(fakes::Choices& choices, const CaseOptions& options, const Shape& shape,
                          const DrainLoad& load);

}  // namespace gatio::harness
