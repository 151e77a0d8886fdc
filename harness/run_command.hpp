// `gatio run SCENARIO.toml`: reads the scenario, carries it out, prints the table and writes the
// JSON. Called once by main, on the main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gatio::harness {

struct RunOptions {
  std::string scenario;
  std::vector<std::string> mixes;  // instead of the scenario's; empty: those
  bool quick = false;
  std::optional<std::string> seed;  // absent: a new one, which is printed and saved
  std::string out;                  // empty: no file, unless it is interrupted
  std::string on = "linux";         // or "fake"
  std::string costs;  // on the fake kernel: the file of gatio calibrate; empty: built in
  std::string topology;
  std::vector<std::string> without;
};

// Returns the exit code of harness/exit_code.hpp.
int run_command(const RunOptions& options);

}  // namespace gatio::harness
