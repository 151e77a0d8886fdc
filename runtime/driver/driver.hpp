// A driver: one ring, one mailbox, one run queue, on one thread that is pinned to one core. turn()
// is its whole life: take mail, run what is ready, enter the kernel, reap. Owned by its TPC.
// Everything here is for the driver's own thread, except where a comment says "any thread".
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <string>

#include "runtime/base/mailbox.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/role.hpp"
#include "runtime/driver/run_queue.hpp"
#include "runtime/driver/service.hpp"
#include "runtime/driver/timers.hpp"
#include "runtime/kernel/kernel.hpp"
#include "runtime/memory/pool.hpp"
#include "runtime/ring/ring.hpp"
#include "runtime/task/executor.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

class Driver;

struct DriverOptions {
  config::Role role = config::Role::both;
  unsigned index = 0;  // within its TPC
  unsigned tpc = 0;    // position of its TPC
  unsigned cpu = 0;    // the operating system's number
  int node = -1;       // the operating system's number; -1 = unknown
  RingOptions ring;
  uint64_t spin_ns = 0;  // how long an idle driver at most watches its mailbox before it parks
};

struct DriverStats {
  uint64_t turns = 0;
  uint64_t parks = 0;          // times it went to sleep with its mailbox marked
  uint64_t wakes = 0;          // parked drivers that it woke
  uint64_t handoffs = 0;       // messages that it posted to other drivers
  uint64_t messages = 0;       // messages that it took from its mailbox
  uint64_t works = 0;          // pieces of work that it ran
  uint64_t uncaught = 0;       // exceptions that left a task which nobody joins
  uint64_t cut_off_tasks = 0;  // detached tasks that lived on when the drain's deadline had passed
  uint64_t spins_ns = 0;       // time spent watching the mailbox
  uint64_t cpu_ns = 0;         // of its thread; known once that has ended
};

// How a driver asks its TPC where to run a task; the TPC implements it. Called on the asking
// driver's thread.
class Placer {
 public:
  virtual Result<Executor*> place(Driver& from, const Hints& hints) = 0;

 protected:
  ~Placer() = default;
};

// What others may know of a driver's load; written by the driver once a turn. Any thread reads.
struct alignas(64) PublishedLoad {
  // Relaxed throughout: these are hints, a reader acts on none of the memory behind them.
  std::atomic<uint64_t> queued_ns[kPriorityCount] = {};
  std::atomic<uint32_t> queued_tasks{0};
  // Tasks that others sent and that the driver has not yet taken, in expected ns and in number;
  // added by the sender, taken off by the driver.
  std::atomic<uint64_t> coming_ns{0};
  std::atomic<uint32_t> coming_tasks{0};
};

class Driver final : public Executor {
 public:
  Driver(Kernel& kernel, Heap& heap, const DriverOptions& options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // The driver that runs on this thread, or nullptr. Any thread.
  static Driver* current() { return static_cast<Driver*>(Executor::current()); }

  // Makes this thread (or fiber) the driver's: whoever calls turn() calls this first.
  void enter_thread();
  static void leave_thread();

  // Pins the thread and sets up the ring. The error says which call failed and what to do about it.
  Result<void> open();
  // Closes the ring. Operations in flight end without a completion, so nothing may wait for one.
  void close();
  [[nodiscard]] bool is_open() const { return ring_.is_open(); }

  // This turn is the last: it submits what was prepared and does not sleep.
  void finish() { finishing_ = true; }

  // One round of the driver's life. Blocks only in the kernel, and only when there is nothing to
  // do.
  void turn();

  // Any thread, until this driver has taken its last message. A thread that is no driver's may
  // still be waking this one when the message has long been taken: close() waits for it.
  void post(Work& message) override;
  // This driver only: comes back by its own mailbox, in the next turn.
  void post_to_self(Work& message);
  // Carries out the messages that have come. Part of a turn; on its own only for a driver that has
  // no ring.
  void take_mail();

  void enqueue(Work& work, Priority priority) override { run_queue_.push(work, priority); }
  Result<Executor*> place(const Hints& hints) override { return placer_->place(*this, hints); }
  void attach(Root& root) override;
  void detach(Root& root) override;
  void uncaught(std::exception_ptr error) override;

  // An SQE for I/O: an exec driver has none (design R2), its operations go to io_driver().
  io_uring_sqe* io_sqe() {
    GATIO_ASSERT(config::does_io(options_.role));
    return ring_.sqe();
  }
  // Submits what was prepared and hands out what has completed by then, without sleeping: for the
  // steps of a start, which want to know at once whether the kernel refuses.
  Result<void> settle();

  // The first failure of this driver's ring, if there was one. The driver goes on trying, since
  // what was prepared stays queued; whoever leads should end the run.
  [[nodiscard]] const Result<void>& health() const { return health_; }
  // Whether something is prepared that the kernel has not taken.
  [[nodiscard]] bool has_unsent() const { return is_open() && ring_.queued() > 0; }

  // The driver that does I/O for this one; itself if it does I/O; nullptr where the machine has
  // none.
  [[nodiscard]] Driver* io_driver() const { return io_driver_; }

  // Asks the detached tasks that live here to stop, and those that arrive later.
  void stop_detached();
  [[nodiscard]] bool has_tasks() const { return first_root_ != nullptr; }

  // What the deadline of a drain leaves is ended in steps, see Lifecycle. Stops and counts the
  // detached tasks that live here, and those that arrive later; tasks begin no operation any more.
  void cut_off_tasks();
  // Asks the kernel to end all operations of this ring.
  void cancel_operations();
  // From now on no frame is resumed here; all trees are asked to stop, so that nothing waits for
  // the time or for a peer.
  void freeze();
  // Whether nothing points at the frame of a frozen task from here: no run queue, no operation, no
  // helper thread. Messages between drivers are the Lifecycle's to settle.
  [[nodiscard]] bool at_rest() const { return run_queue_.empty() && operations_in_flight == 0; }
  // Destroys the frames of the tasks that live here, where all drivers are frozen and at rest.
  // Those with children stay until the children have reported their end.
  void abandon_tasks();

  // The time at the start of this turn, or later: good enough for time-outs.
  [[nodiscard]] uint64_t turn_ns() const { return now_ns_; }
  // The time now; a clock read.
  uint64_t fresh_ns() { return now_ns_ = kernel_.now_ns(); }

  // The average run time of a piece of work here.
  [[nodiscard]] uint64_t average_work_ns() const { return average_work_ns_; }
  // Whether so much is queued here that a request is better run elsewhere, if there is an
  // elsewhere.
  [[nodiscard]] bool overloaded() const {
    return run_queue_.length() * average_work_ns_ > kOverloadedNs;
  }

  [[nodiscard]] Kernel& kernel() const { return kernel_; }
  [[nodiscard]] Ring& ring() { return ring_; }
  [[nodiscard]] Timers& timers() { return timers_; }
  [[nodiscard]] Pool& pool() { return pool_; }
  [[nodiscard]] const DriverOptions& options() const { return options_; }
  [[nodiscard]] const DriverStats& stats() const { return stats_; }
  void note_cpu_ns(uint64_t cpu_ns) { stats_.cpu_ns = cpu_ns; }
  [[nodiscard]] PublishedLoad& load() { return load_; }                     // any thread
  [[nodiscard]] bool looks_parked() const { return mailbox_.is_parked(); }  // any thread
  // Whether messages wait here that a turn would take. Only this driver, or a simulator between two
  // turns.
  [[nodiscard]] bool has_mail() const { return mailbox_.has_mail(); }
  // The expected run time of what is queued here, by priority, and how many pieces of work that is.
  void own_load(std::array<uint64_t, kPriorityCount>& queued_ns, uint32_t& queued_tasks) const;
  [[nodiscard]] std::string name() const;  // "0/2": node/driver
  // Operations submitted here that have not yet completed.
  uint64_t operations_in_flight = 0;
  // Those among them that run on a helper thread, which writes into a task's frame: the driver
  // stays until they are back, whatever a deadline says.
  static constexpr uint64_t kMostHelpers = 256;  // more are refused with EAGAIN
  uint64_t helpers_in_flight = 0;
  bool refuses_operations = false;  // the deadline has passed: tasks begin none any more
  // What makes outgoing connections here; the net layer's, which alone knows more of it.
  Service* client = nullptr;

  // Set while the runtime is built, before any thread runs.
  void set_peers(Placer* placer, Driver* io_driver, bool has_peers);

 private:
  static constexpr unsigned kWorkBudget = 256;        // pieces of work between two enters
  static constexpr uint64_t kTimeBudgetNs = 200'000;  // and how long they may take together
  static constexpr unsigned kClockEvery = 16;  // pieces of work between two looks at the clock
  static constexpr unsigned kReapLimit = 4096;
  static constexpr unsigned kMostWakeAttempts = 100'000;
  static constexpr unsigned kMostFailedEnters = 1000;  // in a row: such a ring never works again
  static constexpr uint64_t kOverloadedNs = 200'000;

  void count_cut_off(Root& root);
  void run_ready();
  void enter();
  void note_enter(const Result<void>& entered);
  void publish_load();
  [[nodiscard]] bool has_work() const { return !run_queue_.empty() || ring_.has_completions(); }
  bool spin_until_work();
  void wait();
  void wake(Driver* from);
  void wake_unless_closing();
  void wake_without_ring();
  void watch_event_fd();

  Kernel& kernel_;
  const DriverOptions options_;
  Pool pool_;
  Ring ring_;
  RunQueue run_queue_;
  Timers timers_;
  Placer* placer_ = nullptr;
  Driver* io_driver_ = nullptr;
  bool has_peers_ = false;
  bool stopping_detached_ = false;
  bool cutting_off_ = false;
  bool finishing_ = false;
  Result<void> health_;
  unsigned failed_enters_ = 0;  // in a row
  uint64_t now_ns_ = 0;
  uint64_t average_work_ns_ = 1'000;
  uint64_t spin_budget_ns_ = 0;
  uint64_t published_tasks_ = 0;
  Root* first_root_ = nullptr;
  DriverStats stats_;

  // How others wake this driver; written in open(), before it first parks, and read by a sender
  // that was told by the mailbox that the driver is parked: Mailbox::park() releases them,
  // Mailbox::push() acquires.
  int ring_fd_ = -1;
  int event_fd_ = -1;
  struct OwnCompletion : Completion {
    Driver* driver = nullptr;
  };
  OwnCompletion event_completion_;
  // Told on the sender's driver when its message could not wake this one; constant once
  // constructed.
  OwnCompletion wake_failed_;

  // Threads without a driver that are inside post(), and drivers that wake this one without a ring.
  std::atomic<uint32_t> foreign_posts_{0};
  std::atomic<bool> closing_{false};
  Mailbox mailbox_;
  PublishedLoad load_;
};

}  // namespace gatio
