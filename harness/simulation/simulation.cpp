#include "harness/simulation/simulation.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/base/sync_point.hpp"
#include "runtime/memory/allocation_hook.hpp"

namespace gatio::harness {
namespace {

// How long mail may lie before a driver that sleeps, in virtual time. From when the driver that
// left it has entered the kernel, for its message is there by then; one that fails is repeated.
constexpr uint64_t kLongestMailNs = 20'000;
// Threads without a ring call the kernel themselves, and may be interrupted for long before they
// do.
constexpr uint64_t kLongestMailOfOthersNs = 10'000'000;

Simulation* the_simulation = nullptr;

}  // namespace

Simulation::Simulation(fakes::Choices& choices, const SimulationOptions& options,
                       RuntimeOptions runtime)
    : parts_(std::make_unique<Parts>(choices, options, std::move(runtime))),
      world_(parts_->kernel.world()),
      scheduler_(parts_->scheduler),
      block_one_in_(options.block_one_in),
      watches_event_fds_(!options.kernel.sync_message) {
  parts_->kernel.set_execution(parts_->scheduler);
  world_.faults = options.faults;
  GATIO_ASSERT(the_simulation == nullptr);  // One at a time.
  the_simulation = this;
  sync_point_hook = [](const char* where) { the_simulation->at_sync_point(where); };
  if (block_one_in_ > 0) {
    allocation_hook = [] {
      return !the_simulation->world_.choices.one_in(fakes::ChoiceKind::fault,
                                                    the_simulation->block_one_in_);
    };
  }
  scheduler_.set_leave([] { Driver::leave_thread(); });
}

Simulation::~Simulation() {
  sync_point_hook = nullptr;
  allocation_hook = nullptr;
  the_simulation = nullptr;
  if (!ended_) static_cast<void>(parts_.release());
}

void Simulation::shut_down() {
  Driver* inside = Driver::current();
  Driver::leave_thread();
  runtime().shutdown();
  if (inside != nullptr) inside->enter_thread();
}

void Simulation::heal() {
  scheduler_.revive();
  kernel().heal_ring();
}

// What another driver owes nobody repeats: who pushes first wakes.
bool Simulation::a_wake_up_died() const {
  std::optional<unsigned> dead = scheduler_.dead();
  return dead && *dead < drivers_.size() && drivers_[*dead]->has_unsent();
}

std::vector<Driver*> Simulation::executing_drivers() {
  std::vector<Driver*> drivers;
  for (auto& tpc : runtime().tpcs()) {
    for (auto& driver : tpc->drivers()) {
      if (driver->executes()) drivers.push_back(driver.get());
    }
  }
  return drivers;
}

void Simulation::operation_done() {
  const Driver& here = *Driver::current();
  const Driver& io = *here.io_driver();
  if (io.options().tpc != here.options().tpc)
    Sometimes::hit("an operation goes to another TPC's io driver");
  for (auto& tpc : the_simulation->runtime().tpcs()) {
    if (tpc->layout().position != here.options().tpc) continue;
    std::optional<unsigned> twin = tpc->layout().drivers[here.options().index].partner;
    if (!twin) return;
    Sometimes::hit("an operation of a pair is done");
    if (&io != &here && &io != tpc->drivers()[*twin].get())
      the_simulation->falsify("S9: the io driver of " + here.name() +
                              " is not the other half of its pair");
  }
}

Simulation* Simulation::current() {
  return the_simulation;
}

Result<void> Simulation::run() {
  Runtime& runtime = *parts_->runtime;
  if (Result<void> built = runtime.build(); !built) {
    ended_ = true;
    check_leftovers();
    return built;
  }
  if (on_built_) on_built_();
  stats_before_.resize(runtime.lifecycle().members().size());
  for (auto& each : runtime.lifecycle().members()) {
    Lifecycle::Member* member = each.get();
    drivers_.push_back(&member->driver());
    rests_.emplace_back();
    scheduler_.add(
        member->driver().name(),
        [member, this] {
          while (member->step()) scheduler_.give_way();
          member->driver().note_cpu_ns(scheduler_.spent_ns());
        },
        [member] { member->driver().enter_thread(); });
  }
  // Where each driver has its clock it is measured, and a thousand of them cannot all be looked at
  // after each step.
  if (!scheduler_.by_clocks()) {
    scheduler_.set_observer([this] { observe(); });
    scheduler_.set_idle_observer([this] { check_mail(); });
  }
  fakes::Scheduler::End end = scheduler_.run();
  ended_ = end == fakes::Scheduler::End::all_ended;
  if (end == fakes::Scheduler::End::deadlock)
    falsify("S1: nobody can go on: " + scheduler_.describe());
  if (end == fakes::Scheduler::End::too_long)
    falsify("S12: the run does not end: " + scheduler_.describe());
  if (!ended_) return {};
  Result<void> outcome = runtime.lifecycle().outcome();
  metrics_ = runtime.metrics();
  check_roles(metrics_);
  check_leftovers();
  return outcome;
}

Metrics Simulation::metrics_so_far() {
  for (unsigned i = 0; i < drivers_.size(); ++i) drivers_[i]->note_cpu_ns(scheduler_.spent_ns(i));
  return runtime().metrics();
}

void Simulation::at_sync_point(const char* where) {
  if (!scheduler_.by_clocks() && !rests_.empty()) follow_wake_up(where);
  uint64_t before = scheduler_.preemptions();
  scheduler_.sync_point();
  if (scheduler_.preemptions() != before && where == kDriverParked)
    Sometimes::hit("a driver is interrupted while it parks");
  if (world_.trace.keeps() && where == kMailboxPush) remark(Remark::sent, 1);
}

// There is no other sync point between a mark and "parked", nor between a push that finds the mark
// and "wake": so whoever passes one of them has just done that.
void Simulation::follow_wake_up(const char* where) {
  unsigned thread = scheduler_.thread();
  if (where == kDriverParked) rests_[thread].parked = true;
  if (where == kMailboxTake && thread < rests_.size()) rests_[thread] = {};
  if (where != kDriverWake) return;
  for (unsigned i = 0; i < rests_.size(); ++i) {
    Rest& rest = rests_[i];
    if (!rest.parked || rest.waker || !drivers_[i]->has_mail()) continue;
    rest.waker = thread;
    if (thread < drivers_.size()) rest.waker_turns = drivers_[thread]->stats().turns;
  }
}

void Simulation::remark(Remark what, uint64_t count) {
  world_.trace.remark({.what = fakes::Happening::noted,
                       .thread = static_cast<uint16_t>(scheduler_.thread()),
                       .time_ns = world_.clock_ns(),
                       .a = static_cast<int64_t>(what),
                       .b = static_cast<int64_t>(count)});
}

void Simulation::falsify(std::string sentence) {
  findings_.push_back(std::move(sentence));
  remark(Remark::finding, findings_.size());
}

// What a viewer of the trace wants to know of the step that has just ended.
void Simulation::remark_on_turn(unsigned thread) {
  uint64_t works = 0;
  uint64_t messages = 0;
  if (thread < drivers_.size()) {
    const DriverStats& now = drivers_[thread]->stats();
    works = now.works - stats_before_[thread].works;
    messages = now.messages - stats_before_[thread].messages;
    stats_before_[thread] = now;
  }
  if (messages > 0) remark(Remark::took, messages);
  if (works > 0) remark(Remark::ran, works);
  bool asleep = scheduler_.asleep(thread);
  remark(asleep ? Remark::parked : Remark::gave_way, kernel().stalled_thread() != thread);
}

// Whoever sleeps has nothing left that it could have done: no task, nothing that its ring holds for
// it or has not been given.
void Simulation::check_sleeper(Driver& driver) {
  std::array<uint64_t, kPriorityCount> queued_ns;
  uint32_t tasks = 0;
  driver.own_load(queued_ns, tasks);
  if (tasks > 0)
    falsify("S6: driver " + driver.name() + " sleeps with " + std::to_string(tasks) +
            " tasks in its queue");
  if (!driver.is_open()) return;
  if (driver.ring().has_completions())
    falsify("S6: driver " + driver.name() + " sleeps with completions to reap");
  // Not whether SQ_TASKRUN is raised: work that comes while work is run leaves it so, on Linux too,
  // and whoever waits in the kernel is woken for work whatever the flag says.
  if (unsigned sqes = driver.ring().queued(); sqes > 0)
    falsify("S6: driver " + driver.name() + " sleeps with " + std::to_string(sqes) +
            " SQEs to submit");
}

// Between two steps. What a sleeper has besides mail changes only by itself, so only the one that
// has just run is looked into.
void Simulation::observe() {
  unsigned last = scheduler_.thread();
  if (world_.trace.keeps()) remark_on_turn(last);
  if (last < drivers_.size() && scheduler_.asleep(last)) check_sleeper(*drivers_[last]);
  check_mail();
}

// Whoever sleeps with mail must be on the way to being woken, also at the very moment at which it
// would go on by itself: by then it could be too late for whoever waits.
void Simulation::check_mail() {
  for (unsigned i = 0; i < drivers_.size(); ++i) {
    if (scheduler_.asleep(i) && drivers_[i]->has_mail()) {
      check_sleeper_with_mail(i);
    } else {
      rests_[i].since_ns = 0;
    }
  }
}

void Simulation::check_sleeper_with_mail(unsigned driver) {
  Rest& rest = rests_[driver];
  if (kernel().stalled_thread() == driver || is_owed_a_wake_up(driver)) {
    rest.since_ns = 0;
    return;
  }
  bool by_other = rest.waker && !sends_by_ring(*rest.waker);
  uint64_t most_ns = by_other ? kLongestMailOfOthersNs : kLongestMailNs;
  if (rest.since_ns == 0) {
    rest.since_ns = world_.now_ns;
  } else if (world_.now_ns - rest.since_ns > most_ns) {
    falsify("S1: driver " + drivers_[driver]->name() + " sleeps though its mailbox has mail");
    rest.since_ns = world_.now_ns;
  }
}

bool Simulation::sends_by_ring(unsigned thread) const {
  return thread < drivers_.size() && drivers_[thread]->is_open();
}

// Whether a driver is on its way to wake this one. It may be interrupted or dead for as long as it
// likes, and then have to wait until the kernel takes its message; one turn later it has.
bool Simulation::is_owed_a_wake_up(unsigned driver) const {
  const Rest& rest = rests_[driver];
  if (!rest.waker || !sends_by_ring(*rest.waker)) return false;
  const Driver& waker = *drivers_[*rest.waker];
  if (waker.has_unsent()) return true;
  return !scheduler_.asleep(*rest.waker) && waker.stats().turns < rest.waker_turns + 2;
}

void Simulation::check_roles(const Metrics& metrics) {
  uint64_t wakes = 0, overflows = 0, lacks = 0, io_sqes = 0, tasks = 0;
  for (const DriverMetrics& driver : metrics.drivers) {
    bool executes_near = std::ranges::any_of(metrics.drivers, [&](const DriverMetrics& other) {
      return other.tpc == driver.tpc && config::executes(other.role);
    });
    // The handlers of its requests.
    if (!executes_near) Sometimes::hit("a task runs in another TPC", driver.requests);
    wakes += driver.wakes;
    overflows += driver.cq_overflow;
    lacks += driver.enobufs;
    if (driver.role == config::Role::io) io_sqes += driver.io_sqes;
    if (driver.role == config::Role::exec) tasks += driver.tasks;
    auto name = [&] { return std::to_string(driver.node) + "/" + std::to_string(driver.driver); };
    if (driver.role == config::Role::io && driver.tasks > 0)
      falsify("S3: the io driver " + name() + " ran " + std::to_string(driver.tasks) + " tasks");
    if (driver.role == config::Role::exec && driver.io_sqes > 0)
      falsify("S3: the exec driver " + name() + " submitted " + std::to_string(driver.io_sqes) +
              " I/O SQEs");
  }
  Sometimes::hit("a parked driver is woken by another one", wakes);
  Sometimes::hit("a CQ overflows", overflows);
  Sometimes::hit("a receive lacks a buffer", lacks);
  if (io_sqes > 0) Sometimes::hit("an io driver does I/O", io_sqes);
  if (tasks > 0) Sometimes::hit("an exec driver runs", tasks);
}

void Simulation::check_leftovers() {
  for (auto& tpc : parts_->runtime->tpcs()) {
    if (size_t blocks = tpc->heap().live_blocks(); blocks > 0)
      falsify("S12: " + std::to_string(blocks) + " blocks of a heap were not given back");
  }
  parts_->runtime.reset();
  fakes::FakeKernel::Leftovers left = kernel().leftovers();
  if (!left.none()) falsify("S12: left behind: " + left.text());
}

void SavedHits::save() {
  unsigned at = 0;
  for (const auto& [name, times] : Sometimes::counts()) {
    GATIO_ASSERT(at < kMostNames && name.size() < sizeof names[at]);
    strncpy(names[at], name.c_str(), sizeof names[at] - 1);
    hits[at++] = times;
  }
}

void SavedHits::add_to(std::map<std::string, uint64_t>& counts) const {
  for (unsigned i = 0; i < kMostNames && names[i][0] != 0; ++i) counts[names[i]] += hits[i];
}

// Often called, and nearly always with a name that is known: no string is made for it.
void Sometimes::hit(const char* name, uint64_t times) {
  auto found = counts().find(std::string_view(name));
  if (found == counts().end()) found = counts().emplace(name, 0).first;
  found->second += times;
}

std::map<std::string, uint64_t, std::less<>>& Sometimes::counts() {
  static std::map<std::string, uint64_t, std::less<>> all;
  return all;
}

}  // namespace gatio::harness
