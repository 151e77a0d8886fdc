// One running server of a scenario, ours or anybody's: started in a fresh process and folder, ready
// once it answers, stopped by SIGTERM. Owned by the runner, on its thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/deadline.hpp"
#include "harness/interrupt.hpp"
#include "harness/measurement.hpp"
#include "harness/plan.hpp"
#include "harness/process.hpp"
#include "harness/scenario.hpp"
#include "runtime/base/result.hpp"

namespace gatio::harness {

// What every start of a run shares.
struct Surroundings {
  std::string programs;  // the folder of the scenario servers, beside gatio
  std::string work;      // a folder of this run; each start makes one inside
  std::string topology;  // passed on to servers of ours; empty: the machine
  std::vector<std::string> without;
  Deadline deadline;
};

// Error codes of a start that failed, beside errno's: a server of ours gave up with exit code 2, or
// any server with 4.
inline constexpr int kServerRefusedInput = 10'002;
inline constexpr int kServerLacksSomething = 10'004;

class Server {
 public:
  // ECANCELED after an interrupt.
  static Result<Server> start(const Scenario& scenario, const ServerSpec& spec,
                              const Surroundings& surroundings, const Interrupt& interrupt);

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  // One sentence when the server has ended by itself; `when`: "under load". `suspected`: something
  // went wrong, so that a moment is worth waiting for its end.
  std::optional<std::string> died(const char* when, const Interrupt& interrupt, bool suspected);
  // Ends it and reads its metrics (a target has none). A server of ours that does not end cleanly
  // is an error.
  Result<std::optional<ServerMetrics>> stop();

 private:
  Server(Child child, std::string folder, bool ours, Deadline deadline)
      : child_(std::move(child)), folder_(std::move(folder)), ours_(ours), deadline_(deadline) {}
  Result<void> wait_until_listening(const Interrupt& interrupt);
  Result<void> wait_until_answering(const Scenario& scenario, const Interrupt& interrupt);
  Error start_error(const std::string& name, const Exit& exit) const;

  Child child_;
  std::string folder_;
  bool ours_;
  Deadline deadline_;
  uint16_t port_ = 0;
  std::string name_;
};

// The path of the program that runs for this spec, as far as it can be told.
std::string program_of(const Scenario& scenario, const ServerSpec& spec,
                       const Surroundings& surroundings);

// Replaces each {key} that `values` knows; anything else in braces stays as it is (nginx blocks,
// say).
std::string fill_in(const std::string& text,
                    const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace gatio::harness
