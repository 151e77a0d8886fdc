// A scenario as its file says it: which server or other targets, which role mixes, which load,
// which replies are right. Plain data, read once at the start of `gatio run`; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"

namespace gatio::harness {

// One argument of the scenario's server and the values that it takes in turn.
struct Sweep {
  std::string argument;  // "work_ns": the server is started with `--work_ns VALUE`
  std::vector<int64_t> values;
};

struct Load {
  // "wrk": closed loop, a connection asks again when it has its answer. "open": simulated clients
  // that ask at a given rate whatever the server does; on the fake kernel only.
  std::string generator = "wrk";
  unsigned threads = 1;  // of wrk
  std::string path = "/";
  unsigned pipeline = 1;  // requests that a connection sends at once, or has unanswered
  unsigned rate = 0;      // open loop: requests a second, of all connections together
  bool poisson = true;    // open loop: the times between them are exponential, or all the same

  [[nodiscard]] bool open_loop() const { return generator == "open"; }
};

struct Expectation {
  unsigned status = 200;
  std::optional<std::string> body;  // not compared when absent
};

// Any other server, known by its command line only.
struct Target {
  std::string name;
  std::vector<std::string>
      command;  // {port} {cpu} {dir} {scenarios} and {ARGUMENT} of the sweep are filled in
  std::vector<std::string>
      files;  // templates beside the scenario, filled in likewise and put into {dir}
};

struct Scenario {
  std::string file;
  std::string name;
  std::string server;  // a program in the folder `scenarios` beside gatio
  std::vector<Sweep> sweep;
  std::vector<std::string> mixes;
  std::vector<unsigned> connections;
  unsigned repetitions = 15;
  unsigned seconds = 2;
  Load load;
  Expectation expect;
  std::vector<Target> targets;
};

// Errors are one sentence that begins with "file:line: key:".
Result<Scenario> parse_scenario(const std::string& text, const std::string& file);
Result<Scenario> load_scenario(const std::string& file);

}  // namespace gatio::harness
