// Carries out a plan on the fake kernel: the same server code, simulated clients, virtual time, and
// each driver with a clock of its own that advances by a table of measured costs. Everything
// counted is repeatable to the digit; times are as good as the table. Main thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fakes/fake_kernel.hpp"
#include "harness/deadline.hpp"
#include "harness/interrupt.hpp"
#include "harness/plan.hpp"
#include "harness/runner.hpp"
#include "runtime/runtime.hpp"

namespace gatio::harness {

struct FakeRunOptions {
  std::string topology;              // a synthetic description, or an lstopo XML file
  std::vector<std::string> without;  // kernel features that the servers do without
  uint64_t seed = 1;
  uint64_t measured_ns = 100'000'000;  // virtual time of each pass
  fakes::Costs costs;
  Deadline deadline;
  std::function<void(Runtime&)> planted;  // the server of a test, instead of the scenario's
};

// What of the scenario the fake does not model: one sentence, or nothing.
Result<void> can_run_on_fake(const Scenario& scenario);

RunResult run_on_fake(const Scenario& scenario, const Plan& plan, const FakeRunOptions& options,
                      const Interrupt& interrupt);

}  // namespace gatio::harness
