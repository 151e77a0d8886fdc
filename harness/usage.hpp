// What the kernel counts about a server's processes and about the machine, read before and after a
// timed pass. Plain functions over /proc and the CPU clocks; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace gatio::harness {

// Sums over all processes of one group: a server that forks counts as a whole. The CPU clock of a
// process has nanoseconds, and holds its threads that have ended and the kernel's workers (iou-wrk,
// iou-sqp) too.
struct GroupUsage {
  uint64_t cpu_ns = 0;
  uint64_t context_switches = 0;  // voluntary and not, of the threads alive
  unsigned processes = 0;
};
GroupUsage group_usage(pid_t group);

struct MachineUsage {
  std::optional<uint64_t> stall_us;  // /proc/pressure/cpu `some`; absent without PSI
  uint64_t steal_ticks = 0;
  uint64_t all_ticks = 0;
  double load_average = 0;
};
MachineUsage machine_usage();

// What other work on the machine did to a timed pass: the covariates by which a pair may be
// dropped.
struct Pressure {
  std::optional<double> stall_percent;  // of the wall time, somebody waited for a CPU
  double steal_percent = 0;             // of all CPU time, the hypervisor gave to others
  double load_average = 0;
};
Pressure pressure_between(const MachineUsage& before, const MachineUsage& after, uint64_t wall_ns);

}  // namespace gatio::harness
