// What this kernel and this process's limits allow, found out once at start-up: the features of
// io_uring and the problems that will bite, each a sentence with what to do. Plain data; any thread
// may make one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kernel/features.hpp"
#include "runtime/kernel/kernel.hpp"

namespace gatio {

struct Problem {
  enum class Severity { warning, fatal };  // fatal: nothing will run here
  Severity severity = Severity::warning;
  std::string text;  // what is wrong, and what to do
};

struct Limits {
  std::string kernel_release;            // as `uname -r` prints it
  std::optional<int> io_uring_disabled;  // the sysctl of that name; absent before Linux 6.6
  uint64_t locked_memory_bytes = 0;      // RLIMIT_MEMLOCK, UINT64_MAX = no limit
  uint64_t open_files = 0;               // RLIMIT_NOFILE
  uint64_t open_files_hard = 0;          // how far the process may raise it itself
};

struct Environment {
  Limits limits;
  Features features;  // what the kernel has, used or not; empty where no ring can be set up
  std::vector<Problem> problems;

  [[nodiscard]] bool fatal() const;
  // The fatal problems as one sentence each, separated by newlines; empty where there is none.
  [[nodiscard]] std::string fatal_text() const;
};

// Sets up a small ring, asks it what it can do, and closes it.
Environment inspect(Kernel& kernel);

// The same from given limits, for tests and simulated machines.
Environment inspect(Kernel& kernel, const Limits& limits);
Limits read_limits();

// Why io_uring_setup(2) failed with this errno, and what to do; reads the sysctl.
std::string ring_setup_problem(int error);
std::string ring_setup_problem(int error, const Limits& limits);

}  // namespace gatio
