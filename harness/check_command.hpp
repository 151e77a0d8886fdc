// `gatio check CONFIG.toml`: plans the ports of a configuration without binding anything, and shows
// the plan or every conflict. Called once by main, on the main thread.
#pragma once

#include <string>

namespace gatio::harness {

struct CheckOptions {
  std::string config;    // the file
  std::string topology;  // instead of the configuration's; empty: that
  bool json = false;
};

// Returns the exit code of design §8: 0, or 2 for a bad configuration or a conflict.
int check_command(const CheckOptions& options);

}  // namespace gatio::harness
