#include "harness/simulation/trace_checks.hpp"

#include <liburing.h>

#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace gatio::harness {
namespace {

using fakes::Happening;
using fakes::TraceEntry;

// How often a receive or an accept may be armed again after failures in a row, within a
// millisecond.
constexpr unsigned kMostRearms = 16;
constexpr uint64_t kRearmWindowNs = 1'000'000;

class TraceCheck {
 public:
  explicit TraceCheck(Simulation& simulation) : simulation_(simulation) {}

  void run() {
    for (const TraceEntry& entry : simulation_.world().trace.entries()) {
      if (entry.what == Happening::submitted) submitted(entry);
      if (entry.what == Happening::completed) completed(entry);
      if (entry.what == Happening::entered) entered(entry);
      if (entry.what == Happening::noted) noted(entry);
    }
    check_counts();
    for (const auto& [name, request] : requests_) {
      if (!request.ended) check_unfinished(name, request);
    }
    Sometimes::hit("a trace is checked");
    Sometimes::hit("a multishot request ends and is armed again", rearmed_);
    Sometimes::hit("a failed request is armed again", failed_rearms_);
    Sometimes::hit("the watch of an eventfd is armed again", watches_rearmed_);
  }

 private:
  struct Request {
    int64_t opcode = 0;
    int64_t descriptor = 0;
    bool ended = false;
  };
  using Name = std::pair<int64_t, int64_t>;  // ring, number
  // Ring, descriptor, and what kind of request it is.
  using Arming = std::tuple<int64_t, int64_t, int64_t>;
  struct Armed {
    unsigned live = 0;
    bool was_multishot = false;
    bool failed = false;  // the last one
    unsigned rearms = 0;  // after failures, without a success between them
    uint64_t since_ns = 0;
  };
  // A driver's own poll of the eventfd by which others wake it: its first request.
  struct Watch {
    int64_t descriptor = 0;
    uint16_t thread = 0;
    bool live = true;
  };

  void check_counts() {
    uint64_t sqes = 0;
    uint64_t cqes = 0;
    for (const DriverMetrics& driver : simulation_.metrics().drivers) {
      sqes += driver.sqes;
      cqes += driver.cqes;
    }
    if (sqes != submitted_)
      simulation_.falsify("S5: the drivers say that they submitted " + std::to_string(sqes) +
                          " SQEs, and the kernel took " + std::to_string(submitted_));
    if (cqes != posted_)
      simulation_.falsify("S5: the drivers reaped " + std::to_string(cqes) +
                          " CQEs, and the kernel posted " + std::to_string(posted_));
  }

  // A wake-up of another driver says something only when it fails, and an eventfd is watched until
  // its ring is closed.
  void check_unfinished(const Name& name, const Request& request) {
    if (request.opcode == IORING_OP_MSG_RING || is_watch(name.first, request)) return;
    simulation_.falsify("S5: request " + std::to_string(name.second) + " of ring " +
                        std::to_string(name.first) + ", opcode " + std::to_string(request.opcode) +
                        ", never completed");
  }

  [[nodiscard]] bool is_watch(int64_t ring, const Request& request) const {
    auto watch = watches_.find(ring);
    return watch != watches_.end() && request.opcode == IORING_OP_POLL_ADD &&
           request.descriptor == watch->second.descriptor;
  }

  // An exec driver wakes others, is woken, and leaves all else to an io driver (design R2).
  void check_role(const TraceEntry& entry, const Request& request) {
    const std::vector<DriverMetrics>& drivers = simulation_.metrics().drivers;
    if (entry.thread >= drivers.size())
      return simulation_.falsify("S4: " + text(entry) + " is no driver's");
    if (drivers[entry.thread].role != config::Role::exec) return;
    if (request.opcode == IORING_OP_MSG_RING || is_watch(entry.a, request)) return;
    simulation_.falsify("S3: the exec driver " + std::to_string(drivers[entry.thread].node) + "/" +
                        std::to_string(drivers[entry.thread].driver) + " submitted " + text(entry) +
                        ", opcode " + std::to_string(entry.c));
  }

  void watch_submitted(const TraceEntry& entry) {
    Watch& watch = watches_.at(entry.a);
    if (watch.live) simulation_.falsify("S14: an eventfd is watched twice by " + text(entry));
    watch.live = true;
    ++watches_rearmed_;
  }

  static int64_t kind_of(int64_t opcode) {
    switch (opcode) {
      case IORING_OP_RECV:
      case IORING_OP_RECVMSG:
        return IORING_OP_RECV;
      case IORING_OP_SEND:
      case IORING_OP_SENDMSG:
        return IORING_OP_SEND;
      case IORING_OP_ACCEPT:
      case IORING_OP_CONNECT:
      case IORING_OP_READ:
      case IORING_OP_WRITE:
      case IORING_OP_POLL_ADD:
        return opcode;
      default:
        return -1;
    }
  }
  static std::string text(const TraceEntry& entry) {
    return "request " + std::to_string(entry.b) + " of ring " + std::to_string(entry.a);
  }

  void entered(const TraceEntry& entry) {
    auto [known, first] = issuers_.emplace(entry.a, entry.thread);
    if (known->second != entry.thread)
      simulation_.falsify("S4: ring " + std::to_string(entry.a) + " is used by two drivers");
    bool refused = entry.d == -EEXIST || entry.d == -EBADFD || entry.d == -EINVAL ||
                   entry.d == -EFAULT || entry.d == -EBADF;
    if (refused)
      simulation_.falsify("S4: an enter of ring " + std::to_string(entry.a) + " was refused with " +
                          std::to_string(entry.d));
  }

  // Whoever sleeps has reaped all that there was, if its ring answers.
  void noted(const TraceEntry& entry) {
    if (entry.a != static_cast<int64_t>(Remark::parked) || entry.b == 0) return;
    for (const auto& [ring, watch] : watches_) {
      if (watch.thread == entry.thread && !watch.live)
        simulation_.falsify("S14: the driver of ring " + std::to_string(ring) +
                            " sleeps, and its eventfd is not watched");
    }
  }

  void submitted(const TraceEntry& entry) {
    ++submitted_;
    Request request{.opcode = entry.c, .descriptor = entry.d};
    if (!requests_.emplace(std::pair(entry.a, entry.b), request).second)
      simulation_.falsify("S5: " + text(entry) + " was submitted twice");
    bool first = rings_.insert(entry.a).second;
    if (first && simulation_.watches_event_fds()) {
      watches_.emplace(entry.a, Watch{.descriptor = entry.d, .thread = entry.thread});
    } else if (is_watch(entry.a, request)) {
      watch_submitted(entry);
    }
    check_role(entry, request);
    if (kind_of(entry.c) < 0) return;
    Armed& armed = armed_[{entry.a, entry.d, kind_of(entry.c)}];
    // A descriptor may have several polls.
    if (++armed.live > 1 && entry.c != IORING_OP_POLL_ADD)
      simulation_.falsify("S14: two requests of opcode " + std::to_string(entry.c) +
                          " are armed on descriptor " + std::to_string(entry.d));
    if (armed.was_multishot) ++rearmed_;
    if (!armed.failed) return;
    ++failed_rearms_;
    if (armed.rearms++ == 0 || entry.time_ns - armed.since_ns > kRearmWindowNs) {
      armed.rearms = 1;
      armed.since_ns = entry.time_ns;
    }
    if (armed.rearms > kMostRearms)
      simulation_.falsify("S13: opcode " + std::to_string(entry.c) + " on descriptor " +
                          std::to_string(entry.d) + " was armed again " +
                          std::to_string(armed.rearms) + " times within a millisecond");
  }

  void completed(const TraceEntry& entry) {
    ++posted_;
    if (entry.b == 0) return;  // A message.
    auto found = requests_.find({entry.a, entry.b});
    if (found == requests_.end())
      return simulation_.falsify("S5: " + text(entry) + " completed and was never submitted");
    Request& request = found->second;
    if (request.ended) simulation_.falsify("S5: " + text(entry) + " completed twice");
    bool more = (entry.d & IORING_CQE_F_MORE) != 0;
    request.ended = !more;
    if (!more && is_watch(entry.a, request)) watches_.at(entry.a).live = false;
    if (kind_of(request.opcode) < 0) return;
    Armed& armed = armed_[{entry.a, request.descriptor, kind_of(request.opcode)}];
    if (entry.c > 0) armed.rearms = 0;
    if (more) {
      armed.was_multishot = true;
      return;
    }
    --armed.live;
    armed.failed = entry.c < 0;
  }

  Simulation& simulation_;
  std::map<int64_t, uint16_t> issuers_;
  std::set<int64_t> rings_;  // that something was submitted to
  std::map<int64_t, Watch> watches_;
  std::map<Name, Request> requests_;
  std::map<Arming, Armed> armed_;
  uint64_t submitted_ = 0;
  uint64_t posted_ = 0;
  uint64_t rearmed_ = 0;
  uint64_t failed_rearms_ = 0;
  uint64_t watches_rearmed_ = 0;
};

}  // namespace

void check_trace(Simulation& simulation) {
  TraceCheck(simulation).run();
}

}  // namespace gatio::harness
