// One simulated run of the whole runtime: its drivers on fibers, its kernel a fake one, time
// virtual, all that may go one way or another taken from one choice sequence. It checks what must
// hold in any run: no lost wake-up, no deadlock, the roles, nothing left behind. Made and used by
// one thread, one at a time in a process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fakes/fake_kernel.hpp"
#include "fakes/scheduler.hpp"
#include "harness/simulation/chrome_trace.hpp"
#include "runtime/runtime.hpp"

namespace gatio::harness {

struct SimulationOptions {
  fakes::FakeKernelOptions kernel;
  fakes::SchedulerOptions scheduler;
  fakes::FaultPlan faults;
  // A block of a TPC's heap is refused, once in so many; 0: never. As ChoiceKind::fault.
  uint32_t block_one_in = 0;
};

class Simulation {
 public:
  Simulation(fakes::Choices& choices, const SimulationOptions& options, RuntimeOptions runtime);
  // A run that did not end stays in memory with its fibers, which cannot be unwound: the process
  // should report and end.
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Whoever is out by a fault goes on.
  void heal();
  // Whether a driver is dead that was about to wake another one: that wake-up is lost with it.
  [[nodiscard]] bool a_wake_up_died() const;

  // Until run() has ended.
  [[nodiscard]] Runtime& runtime() { return *parts_->runtime; }
  // The drivers that run tasks, of all TPCs.
  [[nodiscard]] std::vector<Driver*> executing_drivers();
  // Whether drivers watch an eventfd, since others have no other way to wake them.
  [[nodiscard]] bool watches_event_fds() const { return watches_event_fds_; }
  // After run().
  [[nodiscard]] const Metrics& metrics() const { return metrics_; }
  [[nodiscard]] fakes::FakeKernel& kernel() { return parts_->kernel; }
  [[nodiscard]] fakes::World& world() { return world_; }
  [[nodiscard]] fakes::Scheduler& scheduler() { return scheduler_; }

  // What was counted so far, CPU time included; from an event, while no driver runs.
  [[nodiscard]] Metrics metrics_so_far();

  // Builds the runtime and runs it until all drivers have ended, then looks at what is left.
  // An error is a start that failed in good order.
  Result<void> run();

  // Called once the runtime is built and no driver has run yet.
  void on_built(std::function<void()> call) { on_built_ = std::move(call); }

  // Asks for the shutdown as a thread that is no driver's: for events, which may fire while a
  // driver is in the kernel, and must not be taken for that driver.
  void shut_down();

  // Called by a task behind an operation of its own: notes where such go from its driver.
  static void operation_done();

  // The one that exists, or nullptr.
  static Simulation* current();

  // Something that must not be: "S1: driver 0/1 sleeps though its mailbox has mail". From anywhere.
  void falsify(std::string sentence);
  [[nodiscard]] const std::vector<std::string>& findings() const { return findings_; }
  // Whether run() came to its end; else the process must not go on simulating.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  // What is leaked together when a run did not end.
  struct Parts {
    Parts(fakes::Choices& choices, const SimulationOptions& options, RuntimeOptions runtime_options)
        : kernel(choices, options.kernel),
          scheduler(kernel.world(), options.scheduler),
          runtime(std::make_unique<Runtime>(kernel, std::move(runtime_options))) {}
    fakes::FakeKernel kernel;
    fakes::Scheduler scheduler;
    std::unique_ptr<Runtime> runtime;
  };

  void at_sync_point(const char* where);
  void observe();
  void follow_wake_up(const char* where);
  void check_mail();
  [[nodiscard]] bool sends_by_ring(unsigned thread) const;
  [[nodiscard]] bool is_owed_a_wake_up(unsigned driver) const;
  void check_sleeper_with_mail(unsigned driver);
  void remark(Remark what, uint64_t count);
  void remark_on_turn(unsigned thread);
  void check_sleeper(Driver& driver);
  void check_roles(const Metrics& metrics);
  void check_leftovers();

  std::unique_ptr<Parts> parts_;
  fakes::World& world_;
  fakes::Scheduler& scheduler_;
  uint32_t block_one_in_ = 0;
  const bool watches_event_fds_;
  std::function<void()> on_built_;
  Metrics metrics_;
  std::vector<std::string> findings_;
  std::vector<Driver*> drivers_;
  // What is known of a driver's sleep, by the sync points that it and others pass.
  struct Rest {
    bool parked = false;            // its mailbox was marked, and it has not taken mail since
    std::optional<unsigned> waker;  // the thread whose message found the mark
    uint64_t waker_turns = 0;       // of that driver by then
    uint64_t since_ns =
        0;  // it sleeps with mail, and nobody is about to wake it; 0: that is not so
  };
  std::vector<Rest> rests_;                // by driver
  std::vector<DriverStats> stats_before_;  // by driver, as the last remark has them
  bool ended_ = false;
};

// The hits of what must happen now and then, lest a property holds because nothing happened: by
// name, over all runs of a process.
class Sometimes {
 public:
  static void hit(const char* name, uint64_t times = 1);
  static std::map<std::string, uint64_t, std::less<>>& counts();
};

// The same for another process to read: in memory that both share, zero at first.
struct SavedHits {
  static constexpr unsigned kMostNames = 128;
  char names[kMostNames][64];
  uint64_t hits[kMostNames];
  void save();
  void add_to(std::map<std::string, uint64_t>& counts) const;
};

}  // namespace gatio::harness
