// What the properties S1 to S15 have in common: rapidcheck makes a trial (machine, mix, program of
// tasks, load of clients, faults, seed), each is run in a process of its own, and what fails is
// shrunk to a small one and printed. For tests; one property at a time in a process.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "harness/simulation/cases.hpp"
#include "harness/simulation/echo_run.hpp"
#include "harness/simulation/shape.hpp"
#include "harness/simulation/task_program.hpp"

namespace gatio::harness {

// The swept ones are so seldom that none strikes unless sweep() wants it: calls of the kernel and
// operations that fail; blocks of the heap that are refused; CQs that are full, rings that stop
// answering for a while, and drivers that do.
enum class Faults : uint8_t { none, borne, costly, swept_calls, swept_blocks, swept_outages };

struct Trial {
  uint64_t seed = 1;
  ShapeOptions shape;
  ProgramNode program;
  EchoLoad load;
  Faults faults = Faults::none;
  uint32_t fault_one_in = 8;
  std::optional<uint64_t> shutdown_after_ns;  // from the beginning of the run
  unsigned amount = 0;                        // 0 to 99, for whatever a property needs
};
// As people read it, in a report.
std::string print(const Trial& trial);
Shape shape_of(const Trial& trial);

// What a property is about.
struct Wanted {
  std::vector<std::string> mixes = {"1both", "1io+1exec", "2both", "1io+2exec", "1io+1exec+1both"};
  std::vector<std::string> topologies = {"numa:1 core:3 pu:1", "numa:2 core:3 pu:1"};
  std::vector<std::string> policies = {"best", "least_work", "round_robin", "two_choices",
                                       "affinity"};
  bool preempts = true;
  bool shuts_down = false;  // some runs are shut down at any time
  bool cancels = false;     // the server's receives are cancelled, in most runs
  bool tight = false;       // few buffers and a small CQ
  bool crowd = false;       // more clients than a CQ has room for
  Faults worst = Faults::none;
  unsigned times = 150;
};

using Run = CaseResult (*)(const Trial& trial, fakes::Choices& choices);

// The property holds for all setups that are made; and each of `sometimes` happened in them at
// least 5 times in all, lest it held because nothing happened.
void hold(const char* what, const Wanted& wanted, Run run,
          std::initializer_list<const char*> sometimes);

// Runs the trial once for each place at which a fault may strike, with a fault there alone; and
// once more for each kind of it, if there are several.
void sweep(const char* what, const Trial& trial, Run run,
           std::initializer_list<const char*> sometimes);

// The program of the trial, or its streams, under all checks that there are.
CaseResult run_program(const Trial& trial, fakes::Choices& choices);
CaseResult run_load(const Trial& trial, fakes::Choices& choices);
// The body as the one task that a runtime is started for; it is shut down when that has ended.
CaseResult run_task(const Trial& trial, fakes::Choices& choices,
                    const std::function<Task<void>(Simulation&)>& body);

}  // namespace gatio::harness
