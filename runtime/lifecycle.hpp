// The life of all drivers together: open, prepare, start, serve, drain, stop. One driver leads: it
// sends each step to all members as a message and goes on when all have reported. Start is all or
// nothing: if any step fails anywhere, everything that was opened is closed again. Owned by the
// Runtime. Member::step() is the loop body of a driver's thread; all else runs on the leader,
// except where a comment says otherwise.
//
// What a drain guarantees (design R10). Until the deadline services finish what they had begun
// (draining), then detached tasks are asked to stop and waited for (settling). After it:
//   cutting   Detached tasks that still live are counted (DriverStats::cut_off_tasks), connections
//             are aborted, all operations are cancelled, and new ones are refused with ECANCELED.
//             Tasks have kGraceLooks looks of at least kPollNs each to end by themselves, which
//             begin to count when no operation is in flight.
//   freezing  No frame is resumed any more, on any driver. Lasts until nothing points at a frame:
//             run queues are empty, operations and helper threads have ended, no message is under
//             way.
//   clearing  The frames that are left are destroyed, each on its driver, children before their
//             parents: descriptors are closed, memory is given back.
// So run() returns, with no task, frame, descriptor or operation left, however a task ignores its
// stop, as long as it gives way: each await of ours that fails or is cancelled does. Not helped are
// a resumption that never suspends, which keeps its driver's thread for ever; a helper thread that
// never returns and an operation that the kernel does not give back though it is cancelled, which
// write into a frame and are waited for; and a frame that waits on a foreign awaitable, which is
// destroyed: that awaitable must let go of it in its destructor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/work.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/driver/service.hpp"
#include "runtime/driver/timers.hpp"

namespace gatio {

class Lifecycle : private Timer {
 public:
  enum class Phase : uint8_t {
    opening,
    preparing,
    starting,
    serving,
    draining,
    settling,
    cutting,
    freezing,
    clearing,
    stopping,
    ended
  };

  // One driver's part. Its fields travel with its message: to the member, and back to the leader.
  class Member : private Work, private Timer {
   public:
    Member(Lifecycle& all, Driver& driver) : Timer(&look_again), all_(all), driver_(driver) {}
    Member(const Member&) = delete;

    // On the driver's thread, until it returns false: the first step opens the driver, the others
    // are turns.
    bool step();
    [[nodiscard]] Driver& driver() { return driver_; }
    // Before any thread runs.
    void add_service(Service& service) { services_.push_back(&service); }

   private:
    friend class Lifecycle;
    void report(Result<void> outcome);
    void carry_out();
    Result<void> start_services();
    void cut_off();
    void poll_stopped();
    [[nodiscard]] bool services_stopped() const;
    static void look_again(Timer* timer) { static_cast<Member*>(timer)->poll_stopped(); }
    static void arrive(Work* work);
    static void reported(Work* work);

    Lifecycle& all_;
    Driver& driver_;
    std::vector<Service*> services_;
    Phase command_ = Phase::opening;
    Result<void> outcome_;
    bool quiet_ = false;      // nothing left to drain, or to run
    bool in_flight_ = false;  // operations are, when the deadline has passed
    uint64_t control_messages_ =
        0;                        // of the lifecycle itself, sent and taken here; this driver only
    uint64_t work_messages_ = 0;  // all others, sent and taken here, at the time of the report
    bool opened_ = false;
    bool failed_ = false;  // its ring has failed, and a shutdown was asked for
    bool ended_ = false;
  };

  struct Options {
    uint64_t drain_ns = 0;                     // how long a drain may take before it cuts off
    std::function<Result<void>()> on_serving;  // on the leader's driver, once everybody serves
  };

  explicit Lifecycle(Options options) : Timer(&poll_again), options_(std::move(options)) {}

  // Before any thread runs; the first one leads.
  Member& add(Driver& driver);
  [[nodiscard]] std::vector<std::unique_ptr<Member>>& members() { return members_; }

  // Any thread, any number of times, also before the drivers run: drain, then stop.
  void request_shutdown();

  // The same from a driver's thread, because of an error: it becomes the outcome of the run. Of
  // several only the first counts.
  void give_up(Error why);

  // Why the start failed, or a ring later on, if one did. Once all members have ended.
  [[nodiscard]] const Result<void>& outcome() const { return outcome_; }
  // Whether the deadline of the drain passed with something left.
  [[nodiscard]] bool cut_off() const { return cut_off_; }

 private:
  static constexpr uint64_t kPollNs = 1'000'000;  // between two looks at whether all is drained
  static constexpr unsigned kGraceLooks = 100;    // before tasks that were cut off are frozen

  void send_to_all(Phase command);
  void all_reported();
  void enter(Phase phase);
  void look_at_drain();
  [[nodiscard]] Phase phase_when_quiet() const;
  [[nodiscard]] bool settled();
  void begin_drain();
  static void shutdown_arrives(Work* work);
  static void give_up_arrives(Work* work);
  static void poll_again(Timer* timer);

  struct ShutdownMessage : Work {
    Lifecycle* all = nullptr;
    Result<void> outcome;
  };
  void post_to_leader(Work& message);

  Options options_;
  std::vector<std::unique_ptr<Member>> members_;
  Phase phase_ = Phase::opening;
  size_t missing_reports_ = 0;
  Result<void> outcome_;
  bool shutdown_wanted_ = false;
  bool cut_off_ = false;
  uint64_t drain_deadline_ns_ = 0;
  std::optional<uint64_t> settled_messages_;
  unsigned grace_looks_ = 0;
  // Relaxed: it only makes the first request the one that posts; the mailbox orders the rest.
  std::atomic<bool> shutdown_posted_{false};
  ShutdownMessage shutdown_message_;
  std::atomic<bool> given_up_{false};  // relaxed as well
  ShutdownMessage give_up_message_;
};

}  // namespace gatio
