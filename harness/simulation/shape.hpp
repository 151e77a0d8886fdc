// What the cases of `gatio explore` have in common: the shape of a run (machine, mix, placement,
// strategy of the schedule), taken from the choices, and the result that is made of a run. Plain
// values and functions; one simulation at a time in a process.
#pragma once

#include <cstdint>
#include <string>

#include "harness/simulation/cases.hpp"
#include "harness/simulation/simulation.hpp"

namespace gatio::harness {

struct Shape {
  SimulationOptions simulation;
  RuntimeOptions runtime;
  bool faulty = false;  // faults strike that the case has to bear
  std::string text;
};

struct ShapeOptions {
  std::string mix = "1both";
  std::string topology = "numa:1 core:3 pu:1";
  std::string policy = "best";
  bool preempts = true;
  bool pct = false;
  unsigned pct_depth = 2;
  bool old_kernel = false;  // without sync_message
  bool spins = false;
  unsigned cq_entries = 32;
  bool small_rings = false;
  bool faulty = false;
};
Shape make_shape(const ShapeOptions& options);
void shrink_rings(Shape& shape);
// What 0 gives for each choice is the smallest.
Shape choose_shape(fakes::Choices& choices, const CaseOptions& options);

// Keeps the trace of one run in so many, besides those of which it is wanted: result_of() checks
// it.
void keep_trace(Simulation& simulation, fakes::Choices& choices, const CaseOptions& options);

// Behind all other checks of the case.
CaseResult result_of(Simulation& simulation, const Shape& shape, fakes::Choices& choices,
                     uint64_t begun_ns);

// Asks for the shutdown at a chosen moment, from outside of all drivers.
class ShutdownAt : private fakes::Event {
 public:
  ShutdownAt(Simulation& simulation, uint64_t time_ns) : Event(&fire), simulation_(simulation) {
    simulation.world().events.schedule(*this, time_ns);
  }

 private:
  static void fire(Event* event) { static_cast<ShutdownAt*>(event)->simulation_.shut_down(); }
  Simulation& simulation_;
};

}  // namespace gatio::harness
