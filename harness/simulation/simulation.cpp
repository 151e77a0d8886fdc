#include "harness/simulation/simulation.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/base/sync_point.hpp"
#include "runtime/memory/allocation_hook.hpp"

namespace gatio::harness {
namespace {

// How long mail may lie before a driver that sleeps, in virtual time. A wake-up takes microseconds.
constexpr uint64_t kLongestMailNs = 50'000'000;

Simulation* the_simulation = nullptr;

}  // namespace

Simulation::Simulation(fakes::Choices& choices, const SimulationOptions& options,
                       RuntimeOptions runtime)
    : parts_(std::make_unique<Parts>(choices, options, std::move(runtime))),
      block_one_in_(options.block_one_in) {
  parts_->kernel.set_execution(parts_->scheduler);
  parts_->kernel.world().faults = options.faults;
  GATIO_ASSERT(the_simulation == nullptr);  // One at a time.
  the_simulation = this;
  sync_point_hook = [](const char* where) { the_simulation->at_sync_point(where); };
  if (block_one_in_ > 0) {
    allocation_hook = [] {
      return !the_simulation->world().choices.one_in(fakes::ChoiceKind::fault,
                                                     the_simulation->block_one_in_);
    };
  }
  parts_->scheduler.set_leave([] { Driver::leave_thread(); });
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
  scheduler().revive();
  kernel().heal_ring();
}

// What another driver owes nobody repeats: who pushes first wakes.
bool Simulation::a_wake_up_died() const {
  std::optional<unsigned> dead = parts_->scheduler.dead();
  return dead && *dead < drivers_.size() && drivers_[*dead]->has_unsent();
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
  fakes::Scheduler& scheduler = parts_->scheduler;
  stats_before_.resize(runtime.lifecycle().members().size());
  for (auto& each : runtime.lifecycle().members()) {
    Lifecycle::Member* member = each.get();
    drivers_.push_back(&member->driver());
    mail_since_ns_.push_back(0);
    scheduler.add(
        member->driver().name(),
        [member, &scheduler] {
          while (member->step()) scheduler.give_way();
          member->driver().note_cpu_ns(scheduler.spent_ns());
        },
        [member] { member->driver().enter_thread(); });
  }
  // Where each driver has its clock it is measured, and a thousand of them cannot all be looked at
  // after each step.
  if (!scheduler.by_clocks()) scheduler.set_observer([this] { observe(); });
  fakes::Scheduler::End end = scheduler.run();
  ended_ = end == fakes::Scheduler::End::all_ended;
  if (end == fakes::Scheduler::End::deadlock)
    falsify("S1: nobody can go on: " + scheduler.describe());
  if (end == fakes::Scheduler::End::too_long)
    falsify("S12: the run does not end: " + scheduler.describe());
  if (!ended_) return {};
  Result<void> outcome = runtime.lifecycle().outcome();
  metrics_ = runtime.metrics();
  check_roles(metrics_);
  check_leftovers();
  return outcome;
}

Metrics Simulation::metrics_so_far() {
  for (unsigned i = 0; i < drivers_.size(); ++i) drivers_[i]->note_cpu_ns(scheduler().spent_ns(i));
  return runtime().metrics();
}

void Simulation::at_sync_point(const char* where) {
  uint64_t before = scheduler().preemptions();
  scheduler().sync_point();
  if (scheduler().preemptions() != before && std::strcmp(where, "driver: parked") == 0)
    Sometimes::hit("a driver is interrupted while it parks");
  if (world().trace.keeps() && std::strcmp(where, "mailbox: push") == 0) remark(Remark::sent, 1);
}

void Simulation::remark(Remark what, uint64_t count) {
  world().trace.remark({.what = fakes::Happening::noted,
                        .thread = static_cast<uint16_t>(scheduler().thread()),
                        .time_ns = world().clock_ns(),
                        .a = static_cast<int64_t>(what),
                        .b = static_cast<int64_t>(count)});
}

void Simulation::falsify(std::string sentence) {
  findings_.push_back(std::move(sentence));
  remark(Remark::finding, findings_.size());
}

// What a viewer of the trace wants to know of the step that has just ended.
void Simulation::remark_on_turn(unsigned thread) {
  if (!world().trace.keeps()) return;
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
  remark(scheduler().asleep(thread) ? Remark::parked : Remark::gave_way, 0);
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

// Between two steps: whoever sleeps with mail must be on the way to being woken. What else a
// sleeper has changes only by itself, so only the one that has just run is looked into.
void Simulation::observe() {
  uint64_t now_ns = world().now_ns;
  unsigned last = scheduler().thread();
  remark_on_turn(last);
  for (unsigned i = 0; i < drivers_.size(); ++i) {
    bool asleep = scheduler().asleep(i);
    if (asleep && i == last) check_sleeper(*drivers_[i]);
    bool waits = asleep && drivers_[i]->has_mail();
    if (!waits || a_wake_up_died()) {
      mail_since_ns_[i] = 0;
    } else if (mail_since_ns_[i] == 0) {
      mail_since_ns_[i] = now_ns;
    } else if (now_ns - mail_since_ns_[i] > kLongestMailNs) {
      falsify("S1: driver " + drivers_[i]->name() + " sleeps though its mailbox has mail");
      mail_since_ns_[i] = now_ns;
    }
  }
}

void Simulation::check_roles(const Metrics& metrics) {
  for (const DriverMetrics& driver : metrics.drivers) {
    bool executes_near = std::ranges::any_of(metrics.drivers, [&](const DriverMetrics& other) {
      return other.tpc == driver.tpc && config::executes(other.role);
    });
    // The handlers of its requests.
    if (!executes_near) Sometimes::hit("a task runs in another TPC", driver.requests);
    Sometimes::hit("a parked driver is woken by another one", driver.wakes);
    Sometimes::hit("a CQ overflows", driver.cq_overflow);
    Sometimes::hit("a receive lacks a buffer", driver.enobufs);
    if (driver.role == config::Role::io) Sometimes::hit("an io driver does I/O", driver.io_sqes);
    if (driver.role == config::Role::exec) Sometimes::hit("an exec driver runs", driver.tasks);
    std::string name = std::to_string(driver.node) + "/" + std::to_string(driver.driver);
    if (driver.role == config::Role::io && driver.tasks > 0)
      falsify("S3: the io driver " + name + " ran " + std::to_string(driver.tasks) + " tasks");
    if (driver.role == config::Role::exec && driver.io_sqes > 0)
      falsify("S3: the exec driver " + name + " submitted " + std::to_string(driver.io_sqes) +
              " I/O SQEs");
  }
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
