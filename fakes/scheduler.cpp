#include "fakes/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace gatio::fakes {

Scheduler::Scheduler(World& world, const SchedulerOptions& options)
    : world_(world), options_(options) {
  GATIO_ASSERT(options.strategy != Strategy::pct || options.preempt_one_in > 0);
  if (options.strategy == Strategy::pct) {
    for (uint32_t i = 1; i < options.pct_depth; ++i) {
      change_points_.push_back(world.choices.strategy_prng().below(options.pct_steps) + 1);
    }
  }
}

Scheduler::~Scheduler() = default;

void Scheduler::add(std::string name, std::function<void()> body, std::function<void()> enter) {
  auto thread = std::make_unique<Thread>();
  Thread* added = thread.get();
  added->name = std::move(name);
  added->enter = std::move(enter);
  added->clock_ns = now_ns();
  // Above all that are demoted; ties are as good as any order.
  priorities_.push_back(1'000'000'000 +
                        static_cast<uint32_t>(world_.choices.strategy_prng().below(1'000'000'000)));
  runs_from_ns_.push_back(0);
  added->fiber = std::make_unique<Fiber>([this, added, body = std::move(body)] {
    body();
    added->ended = true;
    runs_from_ns_[current_] = Events::kNever;
    --live_;
  });
  lowest_priority_ = 1'000'000'000 - 1;
  threads_.push_back(std::move(thread));
  ++live_;
  if (by_clocks()) clock_order_.can_run(static_cast<unsigned>(threads_.size() - 1), now_ns());
}

int Scheduler::start_thread(std::function<void()> body) {
  add("helper " + std::to_string(threads_.size()), std::move(body), nullptr);
  return 0;
}

Scheduler::End Scheduler::run() {
  while (live_ > 0) {
    if (++steps_ > options_.most_steps) return End::too_long;
    if (!(by_clocks() ? step_by_clocks() : step())) return End::deadlock;
  }
  return End::all_ended;
}

bool Scheduler::step() {
  world_.fire_due();
  collect_runnable();
  if (runnable_.empty()) return advance();
  switch_to(pick());
  if (observer_) observer_();
  return true;
}

// Whoever is furthest behind runs, but what happens before that happens first.
bool Scheduler::step_by_clocks() {
  uint64_t next_ns = std::min(world_.events.next_time_ns(), clock_order_.first_due_ns());
  uint64_t clock_ns = clock_order_.first_clock_ns();
  if (clock_ns < next_ns) {
    unsigned thread = clock_order_.first_runnable();
    clock_order_.take_out(thread);
    switch_to(thread);
    const Thread& now = *threads_[thread];
    if (now.ended) return true;
    if (asleep(thread)) {
      clock_order_.sleeps(thread, std::max(now.clock_ns, runs_from_ns_[thread]));
    } else {
      clock_order_.can_run(thread, now.clock_ns);
    }
    if (observer_) observer_();
    return true;
  }
  if (next_ns == Events::kNever) return false;
  world_.now_ns = std::max(world_.now_ns, next_ns);
  if (world_.events.next_time_ns() <= next_ns) {
    world_.fire_next();
    return true;
  }
  unsigned thread = clock_order_.first_due();
  threads_[thread]->clock_ns = next_ns;
  clock_order_.can_run(thread, next_ns);
  return true;
}

uint64_t Scheduler::now_ns() const {
  return by_clocks() && inside_ ? threads_[current_]->clock_ns : world_.now_ns;
}

void Scheduler::spend(uint64_t ns) {
  if (inside_) threads_[current_]->spent_ns += ns;
  if (by_clocks() && inside_) {
    threads_[current_]->clock_ns += ns;
  } else {
    world_.now_ns += ns;
  }
}

// In a circle, beginning behind the one that ran last: choice 0 is a round robin.
void Scheduler::collect_runnable() {
  runnable_.clear();
  auto count = static_cast<unsigned>(threads_.size());
  unsigned behind = std::min(current_ + 1, count);
  for (unsigned thread = behind; thread < count; ++thread) {
    if (can_run(thread)) runnable_.push_back(thread);
  }
  for (unsigned thread = 0; thread < behind; ++thread) {
    if (can_run(thread)) runnable_.push_back(thread);
  }
}

// To the next thing that happens and is no thread's turn: an event, or the end of a sleep or a
// stall. Nobody can run before.
bool Scheduler::advance() {
  uint64_t next_ns =
      std::min(world_.events.next_time_ns(), *std::ranges::min_element(runs_from_ns_));
  if (next_ns == Events::kNever) return false;
  world_.now_ns = std::max(world_.now_ns, next_ns);
  if (idle_observer_) idle_observer_();
  return true;
}

unsigned Scheduler::pick() {
  auto count = static_cast<uint32_t>(runnable_.size());
  switch (options_.strategy) {
    case Strategy::clocks:
      break;
    case Strategy::random:
      return runnable_[world_.choices.choose(ChoiceKind::thread, count)];
    case Strategy::pct: {
      if (count == 1) return runnable_[0];
      auto place = static_cast<uint32_t>(
          std::find(runnable_.begin(), runnable_.end(), highest_priority()) - runnable_.begin());
      return runnable_[world_.choices.settle(ChoiceKind::thread, count, place)];
    }
  }
  GATIO_ASSERT(false);
}

// Whether somebody could run who has a higher priority than the one that runs.
bool Scheduler::outranked() const {
  uint32_t own = priorities_[current_];
  for (unsigned thread = 0; thread < priorities_.size(); ++thread) {
    if (priorities_[thread] > own && can_run(thread)) return true;
  }
  return false;
}

unsigned Scheduler::highest_priority() const {
  return *std::ranges::max_element(runnable_, {},
                                   [this](unsigned thread) { return priorities_[thread]; });
}

void Scheduler::switch_to(unsigned number) {
  begin_step(number);
  threads_[number]->fiber->resume();
  end_step();
}

void Scheduler::begin_step(unsigned number) {
  current_ = number;
  Thread& thread = *threads_[number];
  if (thread.sleeper != nullptr) {
    thread.sleeper->asleep = false;
    thread.sleeper = nullptr;
  }
  runs_from_ns_[number] = 0;
  if (thread.enter) {
    thread.enter();
  } else if (leave_) {
    leave_();
  }
  inside_ = true;
  world_.trace.add({.what = Happening::switched,
                    .thread = static_cast<uint16_t>(number),
                    .time_ns = now_ns(),
                    .a = number});
}

void Scheduler::end_step() {
  inside_ = false;
  if (leave_) leave_();
}

// Who would be the next one again goes on at once and saves two switches of the stack: most steps
// of one that spins are such.
void Scheduler::let_others_run() {
  if (by_clocks() || steps_ == options_.most_steps || !can_run(current_) || others_can_run()) {
    threads_[current_]->fiber->give_way();
    return;
  }
  end_step();
  if (observer_) observer_();
  ++steps_;
  begin_step(current_);
}

// Or something is due that could make them.
bool Scheduler::others_can_run() const {
  if (world_.events.next_time_ns() <= world_.now_ns) return true;
  for (unsigned thread = 0; thread < runs_from_ns_.size(); ++thread) {
    if (thread != current_ && can_run(thread)) return true;
  }
  return false;
}

void Scheduler::give_way() {
  if (world_.faults.dead_thread > 0) maybe_die();
  pass(options_.turn_ns, ++threads_[current_]->turns % kTurnsBeforeDemotion == 0);
}

// Only where there is nobody dead yet: the others are to be watched.
void Scheduler::maybe_die() {
  if (dead_ || !world_.choices.one_in(ChoiceKind::fault, world_.faults.dead_thread)) return;
  dead_ = current_;
  runs_from_ns_[current_] = Events::kNever;
  uint64_t end_ns = world_.choose_outage_end();
  if (end_ns != Events::kNever) world_.events.schedule(revival_, end_ns);
  world_.note(Happening::faulted, current_, 0);
}

void Scheduler::revive() {
  if (!dead_) return;
  runs_from_ns_[*dead_] = 0;
  dead_.reset();
  revival_.cancel();
}

void Scheduler::relax() {
  pass(kRelaxNs, true);
}

// `demotes`: with pct, one that spins or never sleeps must not keep the others away for ever.
void Scheduler::pass(uint64_t ns, bool demotes) {
  GATIO_ASSERT(inside_);
  spend(ns);
  if (demotes && options_.strategy == Strategy::pct) demote_current();
  let_others_run();
}

void Scheduler::sync_point() {
  if (!inside_ || options_.preempt_one_in == 0 || live_ < 2) return;
  uint32_t n = options_.preempt_one_in;
  bool switches = false;
  if (options_.strategy == Strategy::random) {
    switches = world_.choices.one_in(ChoiceKind::preempt, n);
  } else if (options_.strategy == Strategy::pct) {
    if (at_change_point()) demote_current();
    bool wanted = outranked();
    switches = world_.choices.settle(ChoiceKind::preempt, n + 1, wanted ? n : 0) == n;
  }
  if (!switches) return;
  ++preemptions_;
  maybe_stall();
  let_others_run();
}

// Whoever is interrupted may have to wait for long, while time passes and the others go on: only so
// is somebody seen who comes back to what has ended meanwhile.
void Scheduler::maybe_stall() {
  if (!world_.choices.one_in(ChoiceKind::preempt, options_.stall_one_in)) return;
  uint64_t steps = 1 + world_.choices.choose(ChoiceKind::delay, kStallSteps);
  runs_from_ns_[current_] = world_.now_ns + steps * kStallStepNs;
}

bool Scheduler::at_change_point() {
  ++pct_step_;
  return std::find(change_points_.begin(), change_points_.end(), pct_step_) != change_points_.end();
}

bool Scheduler::sleep(Sleeper& sleeper, uint64_t deadline_ns) {
  GATIO_ASSERT(inside_);
  Thread& self = *threads_[current_];
  sleeper.asleep = true;
  sleeper.woken = false;
  sleeper.thread = current_;
  self.sleeper = &sleeper;
  runs_from_ns_[current_] = deadline_ns;
  self.fiber->give_way();
  return true;
}

void Scheduler::wake(Sleeper& sleeper) {
  if (!sleeper.asleep || sleeper.woken) return;
  sleeper.woken = true;
  runs_from_ns_[sleeper.thread] = 0;
  Thread& thread = *threads_[sleeper.thread];
  if (!by_clocks()) return;
  thread.clock_ns = std::max(thread.clock_ns, now_ns());
  clock_order_.can_run(sleeper.thread, thread.clock_ns);
}

std::vector<std::string> Scheduler::names() const {
  std::vector<std::string> names;
  for (const auto& thread : threads_) names.push_back(thread->name);
  return names;
}

std::string Scheduler::describe() const {
  std::string text;
  for (unsigned number = 0; number < threads_.size(); ++number) {
    const Thread& thread = *threads_[number];
    if (thread.ended) continue;
    text += (text.empty() ? "" : ", ") + thread.name +
            (dead_ == number             ? " is dead"
             : thread.sleeper != nullptr ? " sleeps"
                                         : " runs");
  }
  return text;
}

}  // namespace gatio::fakes
