// A ring that stops answering, by FaultPlan::ring_stall. Its enters go on taking SQEs, and what
// they ask for is done; but it shows nothing of what happens any more: no CQE, no flag, no wake-up.
// A wait in it ends after a while with -EINTR. All that it holds back is delivered when it is
// healed.
#include <poll.h>

#include <algorithm>

#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {
namespace {

constexpr uint64_t kLongestWaitNs = 100'000;

}  // namespace

FakeRing::StallEnd::StallEnd(FakeRing& its_ring)
    : Event([](Event* event) { static_cast<StallEnd*>(event)->ring.heal(); }), ring(its_ring) {}

void FakeRing::stall() {
  stalled_ = true;
  machine_.stalled_ring = this;
  memory_.lower(IORING_SQ_TASKRUN);
  memory_.lower(IORING_SQ_CQ_OVERFLOW);
  uint64_t end_ns = machine_.world.choose_outage_end();
  if (end_ns != Events::kNever) machine_.world.events.schedule(stall_end_, end_ns);
  machine_.world.note(Happening::faulted, number_, 0);
}

void FakeRing::heal() {
  if (!stalled_) return;
  stalled_ = false;
  machine_.stalled_ring = nullptr;
  stall_end_.cancel();
  if (!overflow_.empty()) memory_.raise(IORING_SQ_CQ_OVERFLOW);
  if (work_first_ != nullptr && (setup_flags_ & IORING_SETUP_TASKRUN_FLAG) != 0)
    memory_.raise(IORING_SQ_TASKRUN);
  machine_.world.execution->wake(sleeper_);
  notify(POLLIN);
}

int FakeRing::wait_stalled(unsigned wanted, uint64_t deadline_ns) {
  if (memory_.cqes_ready() >= wanted) return 0;
  uint64_t end_ns = std::min(deadline_ns, machine_.world.clock_ns() + kLongestWaitNs);
  if (!machine_.world.execution->sleep(sleeper_, end_ns)) return -EINTR;
  if (memory_.cqes_ready() > 0) return 0;
  return machine_.world.clock_ns() >= deadline_ns ? -ETIME : -EINTR;
}

}  // namespace gatio::fakes
