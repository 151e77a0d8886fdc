#include "harness/simulation/simulation.hpp"

#include "runtime/base/sync_point.hpp"

namespace gatio::harness {
namespace {

// How long mail may lie before a driver that sleeps, in virtual time. A wake-up takes microseconds.
constexpr uint64_t kLongestMailNs = 50'000'000;

Simulation* the_simulation = nullptr;

}  // namespace

Simulation::Simulation(fakes::Choices& choices, const SimulationOptions& options,
                       RuntimeOptions runtime)
    : parts_(std::make_unique<Parts>(choices, options, std::move(runtime))) {
  parts_->kernel.set_execution(parts_->scheduler);
  parts_->kernel.world().faults = options.faults;
  GATIO_ASSERT(the_simulation == nullptr);  // One at a time.
  the_simulation = this;
  sync_point_hook = [](const char*) { the_simulation->scheduler().sync_point(); };
  parts_->scheduler.set_leave([] { Driver::leave_thread(); });
}

Simulation::~Simulation() {
  sync_point_hook = nullptr;
  the_simulation = nullptr;
  if (!ended_) static_cast<void>(parts_.release());
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
  scheduler.set_observer([this] { observe(); });
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

// Between two steps: whoever sleeps with mail must be on the way to being woken.
void Simulation::observe() {
  uint64_t now_ns = world().now_ns;
  for (size_t i = 0; i < drivers_.size(); ++i) {
    bool waits = drivers_[i]->has_mail() && scheduler().asleep(static_cast<unsigned>(i));
    if (!waits) {
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

void Sometimes::hit(const char* name, uint64_t times) {
  counts()[name] += times;
}

std::map<std::string, uint64_t>& Sometimes::counts() {
  static std::map<std::string, uint64_t> all;
  return all;
}

}  // namespace gatio::harness
