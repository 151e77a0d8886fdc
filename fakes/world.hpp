// What all parts of the simulated machine share: the choices, the virtual clock with its events,
// the trace, the plan of faults, and who is running. Made by FakeKernel, which owns it; the
// simulation's one thread only.
#pragma once

#include <cstdint>

#include "fakes/choices.hpp"
#include "fakes/events.hpp"
#include "fakes/execution.hpp"
#include "fakes/fault_plan.hpp"
#include "fakes/trace.hpp"

namespace gatio::fakes {

struct World {
  explicit World(Choices& its_choices) : choices(its_choices) {}

  Choices& choices;
  Events events;
  Trace trace;
  FaultPlan faults;
  Execution* execution = nullptr;  // never null while anything runs
  uint64_t now_ns =
      1'000'000'000;  // of the last event that was fired; a caller's clock may be ahead

  // There is an event.
  void fire_next() {
    now_ns = now_ns > events.next_time_ns() ? now_ns : events.next_time_ns();
    events.fire_next();
  }
  // What is due at this very moment.
  void fire_due() {
    while (events.next_time_ns() <= now_ns) fire_next();
  }
  // When an outage ends that begins now; Events::kNever: when it is healed.
  uint64_t choose_outage_end() {
    uint32_t kind = choices.choose(ChoiceKind::fault, kOutages);
    return kind + 1 == kOutages ? Events::kNever : clock_ns() + (kShortestOutageNs << kind);
  }
  // The caller's clock.
  [[nodiscard]] uint64_t clock_ns() const { return execution->now_ns(); }
  void note(Happening what, int64_t a, int64_t b = 0, int64_t c = 0, int64_t d = 0) {
    trace.add({what, static_cast<uint16_t>(execution->thread()), clock_ns(), a, b, c, d});
  }
};

}  // namespace gatio::fakes
