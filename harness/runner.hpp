// Carries out a plan: a check pass for every server, then the timed passes in their random order,
// each with a fresh server process. Main thread only (its children die with the thread that started
// them).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/interrupt.hpp"
#include "harness/measurement.hpp"
#include "harness/plan.hpp"
#include "harness/progress.hpp"
#include "harness/server.hpp"

namespace gatio::harness {

struct RunResult {
  std::vector<Measurement> measurements;
  std::vector<std::string> findings;  // wrong replies, servers that died: one sentence each
  std::vector<std::string> skipped;   // servers that cannot run here, by name and with the reason
  std::optional<Error> failed;        // a server refused its arguments, which ended the run
  bool interrupted = false;
  bool out_of_time = false;
};

class Runner {
 public:
  Runner(const Scenario& scenario, const Plan& plan, const Surroundings& surroundings,
         const Interrupt& interrupt);

  // No pass begins that could not end before the deadline of the surroundings.
  RunResult run(uint64_t seed);

 private:
  enum class Next { kGoOn, kStop };
  void run_all(uint64_t seed);
  // With a deadline, a slow server is checked with fewer requests.
  Next check(size_t server);
  Next measure(size_t arm, unsigned repetition);
  // The generator's part of a timed pass, between two readings of the counters.
  Result<void> load_pass(const Arm& arm, Server& server, Measurement& out);
  void judge(const Arm& arm, const Measurement& measurement);
  // A server that could not be started or used: skipped, a finding, or the end of the run.
  Next start_failed(size_t server, const Error& error);
  void find(const std::string& sentence);

  const Scenario& scenario_;
  const Plan& plan_;
  const Surroundings& surroundings_;
  const Interrupt& interrupt_;
  std::vector<bool> usable_;             // by server
  std::vector<double> bytes_per_reply_;  // by server, from its check pass
  RunResult result_;
  std::optional<Progress> progress_;
};

}  // namespace gatio::harness
