// One simulated run in a process of its own: an assertion, a crash or an endless loop ends that
// process only, and the run can be looked at as one that failed. Main thread only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/simulation/cases.hpp"

namespace gatio::harness {

struct IsolatedResult {
  bool failed = false;
  // What kind of failure it is, so that shrinking does not change the subject: "S1", "ended by
  // signal 6", "ended with exit code 1", ...
  std::string kind;
  std::string text;                 // findings, or what the process said before it died
  bool has_choices = false;         // false: its process ended without a chance to save them
  std::vector<uint32_t> choices;    // that the run made, up to its end
  std::vector<fakes::Choice> made;  // the same, with what they were about
  uint64_t trace_hash = 0;
  std::map<std::string, uint64_t> sometimes;  // what happened in it, if it came to its end
};

IsolatedResult run_isolated(const Case& which, fakes::Choices choices, const CaseOptions& options);

// The same, for its trace in the Chrome trace format, written to `path`; of a run that ends by a
// signal, as far as it came. False when the file cannot be written.
bool write_trace_isolated(const Case& which, fakes::Choices choices, CaseOptions options,
                          const std::string& path);

// Of a failure that has its choices, the smallest list of them found within `most_seconds` that
// fails in the same way.
IsolatedResult shrink(const Case& which, const IsolatedResult& failure, const CaseOptions& options,
                      double most_seconds);

}  // namespace gatio::harness
