// What the trace of a whole run must show of rings and requests, whatever the program was: S4 (who
// touches a ring), S3 (what an exec driver submits), S5 (each request ends once, each CQE is
// reaped), S8 (one send and one receive a stream), S13 (no hot re-arming), S14 (one armed multishot
// at a time, and an eventfd that is watched). A simulation that keeps its trace, after its run.
#pragma once

#include "harness/simulation/simulation.hpp"

namespace gatio::harness {

// Falsifies the simulation where something does not hold.
void check_trace(Simulation& simulation);

}  // namespace gatio::harness
