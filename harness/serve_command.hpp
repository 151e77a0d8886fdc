// `gatio serve`: runs the drivers of a configuration until SIGINT or SIGTERM, drains, and shows
// what was counted. Called once by main, on the main thread.
#pragma once

#include <string>
#include <vector>

namespace gatio::harness {

struct ServeOptions {
  std::string config;                // the file
  std::string topology;              // instead of the configuration's; empty: that
  std::vector<std::string> without;  // kernel features to do without, besides the configuration's
  std::string metrics;               // a file for the metrics as JSON; empty: none
};

// Returns the exit code of design §8: 0; 1 when the drain's deadline cut something off; 2 for a bad
// configuration, a conflict or a port that cannot be had; 4 where the environment lacks something.
int serve_command(const ServeOptions& options);

}  // namespace gatio::harness
