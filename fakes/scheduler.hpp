// Runs simulated threads on fibers, one at a time, and decides by choice who runs next: the world's
// Execution when there are several drivers. A thread is switched away when it sleeps and, where
// somebody else can run, when it gives way (between two turns, or while it spins) and, with
// preemption, at sync points. Owned by the simulation; its one thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fakes/clock_order.hpp"
#include "fakes/execution.hpp"
#include "fakes/fiber.hpp"
#include "fakes/world.hpp"

namespace gatio::fakes {

enum class Strategy : uint8_t {
  random,  // each time any of those that can run
  // Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs",
  // ASPLOS 2010: the highest priority runs; at `depth` - 1 random steps it becomes the lowest.
  pct,
  // No choice at all: whoever is furthest behind by its own clock. For measuring, not for finding.
  clocks,
};

struct SchedulerOptions {
  Strategy strategy = Strategy::random;
  uint32_t preempt_one_in = 0;      // at a sync point, with Strategy::random; 0 is never
  uint32_t stall_one_in = 8;        // of those interrupted, who loses its processor for a while
  uint32_t pct_depth = 3;           // of the bug that pct is sure to find
  uint32_t pct_steps = 500;         // about how many steps a run has
  uint64_t turn_ns = 1'000;         // what a turn costs, but for Strategy::clocks
  uint64_t most_steps = 1'000'000;  // after which a run counts as endless
};

class Scheduler final : public Execution {
 public:
  enum class End : uint8_t { all_ended, deadlock, too_long };

  Scheduler(World& world, const SchedulerOptions& options);
  ~Scheduler() override;

  // A thread: `body` is its life; `enter` is called each time before it is switched to, and makes
  // its thread-local state that of this thread. Before run(), or from a running thread.
  void add(std::string name, std::function<void()> body, std::function<void()> enter);
  // What is called instead of `enter` for helper threads, and when the run is over.
  void set_leave(std::function<void()> leave) { leave_ = std::move(leave); }

  // Until all threads have ended, or none can go on any more. Threads that have not ended stay as
  // they are and are never destroyed: after such a run the process reports and ends.
  End run();

  // Called by a thread between two turns.
  void give_way();
  // What gatio::sync_point_hook is set to call.
  void sync_point();

  // Who takes no turn any more, by FaultPlan::dead_thread; nullopt: nobody.
  [[nodiscard]] std::optional<unsigned> dead() const { return dead_; }
  // It goes on.
  void revive();

  // Also called after each step, as no thread, though maybe on the stack of the one that goes on:
  // for checks that hold between two steps. It throws nothing and decides nothing.
  void set_observer(std::function<void()> observer) { observer_ = std::move(observer); }
  // Also called when time has passed because nobody could run, before anybody can, though not with
  // Strategy::clocks.
  void set_idle_observer(std::function<void()> observer) { idle_observer_ = std::move(observer); }

  [[nodiscard]] bool by_clocks() const { return options_.strategy == Strategy::clocks; }
  [[nodiscard]] uint64_t steps() const { return steps_; }
  [[nodiscard]] uint64_t preemptions() const { return preemptions_; }
  [[nodiscard]] std::vector<std::string> names() const;
  // Whether a thread sleeps and nobody has woken it.
  [[nodiscard]] bool asleep(unsigned thread) const {
    if (runs_from_ns_[thread] == 0) return false;
    const Sleeper* sleeper = threads_[thread]->sleeper;
    return sleeper != nullptr && !sleeper->woken;
  }
  // Who sleeps, for the report of a deadlock: "0/1 sleeps, 0/2 sleeps".
  [[nodiscard]] std::string describe() const;

  unsigned thread() const override { return current_; }
  uint64_t now_ns() const override;
  void spend(uint64_t ns) override;
  uint64_t spent_ns() const override { return spent_ns(current_); }
  [[nodiscard]] uint64_t spent_ns(unsigned thread) const { return threads_[thread]->spent_ns; }
  void relax() override;
  bool sleep(Sleeper& sleeper, uint64_t deadline_ns) override;
  void wake(Sleeper& sleeper) override;
  int start_thread(std::function<void()> body) override;

 private:
  static constexpr uint64_t kRelaxNs = 100;
  static constexpr uint64_t kStallStepNs = 100'000;
  static constexpr uint32_t kStallSteps = 64;
  static constexpr unsigned kTurnsBeforeDemotion = 64;

  struct Revival : Event {
    explicit Revival(Scheduler& its_scheduler)
        : Event([](Event* event) { static_cast<Revival*>(event)->scheduler.revive(); }),
          scheduler(its_scheduler) {}
    Scheduler& scheduler;
  };

  struct Thread {
    Sleeper* sleeper = nullptr;  // not null while it sleeps
    bool ended = false;
    uint64_t clock_ns = 0;  // Strategy::clocks
    uint64_t spent_ns = 0;
    unsigned turns = 0;
    std::unique_ptr<Fiber> fiber;
    std::function<void()> enter;
    std::string name;
  };

  void pass(uint64_t ns, bool demotes);
  void maybe_stall();
  void demote_current() { priorities_[current_] = lowest_priority_--; }
  void maybe_die();
  void switch_to(unsigned thread);
  void begin_step(unsigned thread);
  void end_step();
  void let_others_run();
  [[nodiscard]] bool others_can_run() const;
  [[nodiscard]] bool can_run(unsigned thread) const {
    return runs_from_ns_[thread] <= world_.now_ns;
  }
  void collect_runnable();
  // One step: somebody runs, or time passes until somebody can. False when nothing is left that
  // could happen.
  bool step();
  bool step_by_clocks();
  bool advance();
  unsigned pick();
  [[nodiscard]] bool outranked() const;
  [[nodiscard]] unsigned highest_priority() const;
  bool at_change_point();

  World& world_;
  const SchedulerOptions options_;
  std::vector<std::unique_ptr<Thread>> threads_;
  // From when it can run, by thread: 0 while nothing keeps it, the end of its sleep or of its
  // stall, Events::kNever when it is dead, has ended, or sleeps until it is woken. Apart from the
  // threads, since every step looks at all of them. By clocks only the end of a sleep is asked for.
  std::vector<uint64_t> runs_from_ns_;
  std::vector<uint32_t> priorities_;  // Strategy::pct: the higher runs
  std::vector<unsigned> runnable_;
  ClockOrder clock_order_;  // Strategy::clocks
  std::function<void()> leave_;
  std::function<void()> observer_;
  std::function<void()> idle_observer_;
  std::vector<uint64_t> change_points_;
  uint64_t steps_ = 0;
  uint64_t pct_step_ = 0;
  uint64_t preemptions_ = 0;
  uint32_t lowest_priority_ = 0;
  unsigned current_ = 0;
  std::optional<unsigned> dead_;
  Revival revival_{*this};
  bool inside_ = false;  // a thread runs, not the scheduler itself
  size_t live_ = 0;
};

}  // namespace gatio::fakes
