// What `gatio explore` runs under each seed: a whole run of the runtime whose shape (machine, mix,
// load, strategy of the schedule, faults) is itself taken from the choices, and what must hold of
// it. Pure functions of the choices; one at a time in a process.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fakes/choices.hpp"
#include "fakes/trace.hpp"

namespace gatio::harness {

struct CaseOptions {
  bool preempt = true;  // switch drivers at sync points
  bool keep_trace = false;
  std::optional<uint8_t> memory_fill;  // what mapped memory holds at first; see fakes/options.hpp
};

struct CaseResult {
  std::vector<std::string> findings;  // empty: all held
  bool ended = true;                  // false: the process must not run another one
  std::string shape;                  // "1io+1exec on numa:1 core:2 pu:1, pct"
  std::string program;                // what was generated, for people
  uint64_t trace_hash = 0;
  uint64_t choices = 0;
  uint64_t steps = 0;  // switches of the scheduler
  uint64_t preemptions = 0;
  uint64_t cqes = 0;    // reaped by all drivers
  uint64_t faults = 0;  // that struck
  uint64_t events = 0;  // in the trace
  uint64_t virtual_ns = 0;
  std::vector<fakes::TraceEntry> trace;
  std::vector<std::string> threads;  // names, by their number in the trace
};

struct Case {
  const char* name;
  const char* what;
  CaseResult (*run)(fakes::Choices& choices, const CaseOptions& options);
};

std::span<const Case> all_cases();
const Case* find_case(const std::string& name);

}  // namespace gatio::harness
