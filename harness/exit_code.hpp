// The exit codes of all commands (design: the same number means the same for each of them). Plain
// values; any thread.
#pragma once

namespace gatio::harness {

enum ExitCode : int {
  kFine = 0,
  kFinding = 1,        // a reply was wrong, a server died, a drain was cut off
  kBadInput = 2,       // bad usage, configuration or scenario
  kLacking = 4,        // something is missing here: a program, a kernel feature, CPUs
  kInterrupted = 130,  // Ctrl-C, with what was measured saved
};

}  // namespace gatio::harness
