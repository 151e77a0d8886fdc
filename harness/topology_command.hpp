// `gatio topology`: shows the machine, what its kernel offers a runtime on io_uring, and which
// limits will bite. Called once by main, on the main thread.
#pragma once

#include <string>

namespace gatio::harness {

struct TopologyOptions {
  std::string topology =
      "this";  // or a synthetic description, or an .xml file; the kernel is always this one
  bool json = false;
};

// Returns the exit code of design §8: 2 for a bad topology, 4 where io_uring cannot be used here.
int topology_command(const TopologyOptions& options);

}  // namespace gatio::harness
