// A run's trace in the Chrome trace format, which Perfetto opens (ui.perfetto.dev): one row for
// each driver with its turns, the tasks that it ran in them, the time that it was parked, and as
// marks the messages that it sent and took, what it submitted, got back and entered. A pure
// function.
#pragma once

#include <string>
#include <vector>

#include "fakes/trace.hpp"

namespace gatio::harness {

// What the harness adds to a trace (Happening::noted): this as `a`, how many as `b`.
enum class Remark : uint8_t {
  sent,      // put a message into another's mailbox
  took,      // messages taken from its own in this turn
  ran,       // pieces of work that it ran in this turn
  gave_way,  // the turn has ended, or was interrupted
  parked,    // so has it, and its driver sleeps; 0: in a ring that does not answer
  finding,   // here the finding of this number, from 1, was made
};

std::string chrome_trace(const std::vector<fakes::TraceEntry>& entries,
                         const std::vector<std::string>& threads, const std::string& title);

}  // namespace gatio::harness
