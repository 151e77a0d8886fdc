// Who is running in the simulated machine, and what it means there to wait. The fake kernel asks it
// for the caller's clock and suspends callers with it; it knows nothing of what the threads do. Two
// implementations: Alone (one caller, time jumps while it waits) and Scheduler (many, on fibers).
// The simulation's one thread only.
#pragma once

#include <cstdint>
#include <functional>

namespace gatio::fakes {

// A thread that sleeps inside the kernel until somebody calls Execution::wake, or its deadline.
struct Sleeper {
  bool asleep = false;
  bool woken = false;
  unsigned thread = 0;
};

class Execution {
 public:
  virtual ~Execution() = default;

  [[nodiscard]] virtual unsigned thread() const = 0;    // the caller's number, from 0
  [[nodiscard]] virtual uint64_t now_ns() const = 0;    // the caller's clock
  virtual void spend(uint64_t ns) = 0;                  // advances the caller's clock
  [[nodiscard]] virtual uint64_t spent_ns() const = 0;  // by the caller so far: its CPU time
  virtual void relax() = 0;                             // lets others run
  // Sleeps until woken, or until the caller's clock is at `deadline_ns` (Events::kNever: none).
  // False when nothing can ever wake it: the run is in a deadlock, and the caller gives up.
  [[nodiscard]] virtual bool sleep(Sleeper& sleeper, uint64_t deadline_ns) = 0;
  virtual void wake(Sleeper& sleeper) = 0;
  // A helper thread that calls `body` once. 0 or -errno.
  virtual int start_thread(std::function<void()> body) = 0;
};

}  // namespace gatio::fakes
