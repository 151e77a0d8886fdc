#include "fakes/ring/fake_ring.hpp"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "fakes/ring/time.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

constexpr unsigned kMostSqEntries = 32768;
constexpr unsigned kMostCqEntries = 2 * kMostSqEntries;
constexpr unsigned kKnownSetupFlags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                                      IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
                                      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
constexpr unsigned kNeededSetupFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
constexpr unsigned kFeatures =
    IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |
    IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL |
    IORING_FEAT_POLL_32BITS | IORING_FEAT_SQPOLL_NONFIXED | IORING_FEAT_EXT_ARG |
    IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP |
    IORING_FEAT_LINKED_FILE | IORING_FEAT_RECVSEND_BUNDLE;
constexpr unsigned kKnownEnterFlags =
    IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING;
// A teardown takes 1 to 7 ms (rule U46).
constexpr uint64_t kTeardownNs = 1'000'000;
constexpr uint32_t kTeardowns = 7;

}  // namespace

// Rules U1 and U2.
int FakeRing::check(unsigned entries, io_uring_params& params, const FakeKernelOptions& options) {
  unsigned known = kKnownSetupFlags | (options.no_sqarray ? IORING_SETUP_NO_SQARRAY : 0);
  if ((params.flags & ~known) != 0) return -EINVAL;
  for (unsigned reserved : params.resv) {
    if (reserved != 0) return -EINVAL;
  }
  bool clamps = (params.flags & IORING_SETUP_CLAMP) != 0;
  if (entries == 0) return -EINVAL;
  if (entries > kMostSqEntries) {
    if (!clamps) return -EINVAL;
    entries = kMostSqEntries;
  }
  bool defers = (params.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
  bool cooperates = (params.flags & IORING_SETUP_COOP_TASKRUN) != 0;
  if (defers && (params.flags & IORING_SETUP_SINGLE_ISSUER) == 0) return -EINVAL;
  if ((params.flags & IORING_SETUP_TASKRUN_FLAG) != 0 && !defers && !cooperates) return -EINVAL;
  unsigned sq_entries = std::bit_ceil(entries);
  unsigned cq_entries = 2 * sq_entries;
  if ((params.flags & IORING_SETUP_CQSIZE) != 0) {
    cq_entries = params.cq_entries;
    if (cq_entries == 0) return -EINVAL;
    if (cq_entries > kMostCqEntries) {
      if (!clamps) return -EINVAL;
      cq_entries = kMostCqEntries;
    }
    cq_entries = std::bit_ceil(cq_entries);
    if (cq_entries < sq_entries) return -EINVAL;
  }
  if ((params.flags & kNeededSetupFlags) != kNeededSetupFlags) {
    std::fprintf(stderr, "the fake kernel models rings with DEFER_TASKRUN only\n");
    std::abort();
  }
  params.sq_entries = sq_entries;
  params.cq_entries = cq_entries;
  params.features = kFeatures;
  return 0;
}

FakeRing::FakeRing(Machine& machine, const io_uring_params& params, unsigned number)
    : machine_(machine),
      number_(number),
      setup_flags_(params.flags),
      node_(machine.node_of_thread()),
      memory_(params.sq_entries, params.cq_entries, (params.flags & IORING_SETUP_NO_SQARRAY) == 0),
      issuer_(machine.world.execution->thread()),
      disabled_((params.flags & IORING_SETUP_R_DISABLED) != 0),
      teardown_(*this),
      stall_end_(*this) {}

FakeRing::~FakeRing() {
  end_all();
}

FakeRing::Teardown::Teardown(FakeRing& its_ring)
    : Event([](Event* event) {
        FakeRing& ring = static_cast<Teardown*>(event)->ring;
        ring.end_all();
        // The last reference may be the machine's: nothing of the ring is touched after this.
        std::erase_if(ring.machine_.rings,
                      [&](const RingPtr& each) { return each.get() == &ring; });
      }),
      ring(its_ring) {}

void FakeRing::descriptor_closed() {
  closed_ = true;
  if (inside_ == 0) begin_teardown();
}

void FakeRing::begin_teardown() {
  if (dying_) return;
  heal();
  dying_ = true;
  uint64_t delay_ns =
      kTeardownNs * (1 + machine_.world.choices.choose(ChoiceKind::delay, kTeardowns));
  machine_.world.events.schedule(teardown_, machine_.world.clock_ns() + delay_ns);
}

void FakeRing::end_all() {
  // First all is taken apart, then let go: to drop a file may end other things.
  work_first_ = work_last_ = leftover_last_ = nullptr;
  finished_first_ = finished_last_ = nullptr;
  chain_first_ = chain_last_ = nullptr;
  deferred_.clear();
  live_first_ = live_last_ = nullptr;
  live_count_ = 0;
  std::vector<FilePtr> files = std::move(fixed_files_);
  fixed_files_.clear();
  let_go();
  unused_.clear();
  for (auto& request : requests_) {
    files.push_back(std::move(request->file));
    request->unlink();
    request->timer.cancel();
  }
  requests_.clear();
}

size_t FakeRing::choose_vectors() {
  auto bound = static_cast<uint32_t>(vectors_.size());
  return vectors_[machine_.world.choices.choose(ChoiceKind::order, bound)];
}

void FakeRing::note_vectors(size_t count) {
  if (std::find(vectors_.begin(), vectors_.end(), count) == vectors_.end()) {
    vectors_.push_back(count);
  }
}

uint32_t FakeRing::poll() const {
  bool readable = memory_.cqes_ready() > 0 || !overflow_.empty() || work_first_ != nullptr;
  return POLLOUT | (readable ? POLLIN : 0U);
}

Request& FakeRing::make_request() {
  if (unused_.empty()) {
    requests_.push_back(std::make_unique<Request>(*this, &FakeRing::run_request));
    unused_.push_back(requests_.back().get());
  }
  Request& request = *unused_.back();
  unused_.pop_back();
  request.number = ++requests_made_;
  request.live_previous = live_last_;
  (live_last_ != nullptr ? live_last_->live_next : live_first_) = &request;
  live_last_ = &request;
  ++live_count_;
  return request;
}

void FakeRing::recycle(Request& request) {
  GATIO_ASSERT(!request.queued);
  (request.live_previous != nullptr ? request.live_previous->live_next : live_first_) =
      request.live_next;
  (request.live_next != nullptr ? request.live_next->live_previous : live_last_) =
      request.live_previous;
  --live_count_;
  // The last who held it.
  if (request.file.use_count() == 1) let_go_later(std::move(request.file));
  request.reset();
  unused_.push_back(&request);
}

int FakeRing::enter(unsigned submit_count, unsigned wanted, unsigned flags, const void* arg,
                    size_t arg_size) {
  ++inside_;
  int result = enter_it(submit_count, wanted, flags, arg, arg_size);
  if (--inside_ == 0 && closed_) begin_teardown();
  return result;
}

int FakeRing::enter_it(unsigned submit_count, unsigned wanted, unsigned flags, const void* arg,
                       size_t arg_size) {
  machine_.charge(machine_.costs.enter_ns);
  if ((flags & ~kKnownEnterFlags) != 0) return -EINVAL;
  if (disabled_) return -EBADFD;
  if (machine_.stalled_ring == nullptr && !foreign() &&
      machine_.strikes(machine_.world.faults.ring_stall))
    stall();
  unsigned submitted = 0;
  if (submit_count > 0) {
    if (foreign()) return -EEXIST;
    if (machine_.strikes(machine_.world.faults.enter_busy)) {
      return machine_.world.choices.choose(ChoiceKind::fault, 2) == 0 ? -EBUSY : -EAGAIN;
    }
    submitted = submit(submit_count);
    if (submitted != submit_count || (flags & IORING_ENTER_GETEVENTS) == 0) let_go();
    if (submitted != submit_count) return static_cast<int>(submitted);
    if ((flags & IORING_ENTER_GETEVENTS) != 0 && work_first_ != nullptr) {
      run_work(wanted, std::max(kMostItems, wanted));
    }
  }
  if ((flags & IORING_ENTER_GETEVENTS) == 0) return static_cast<int>(submitted);
  if (foreign()) return submitted > 0 ? static_cast<int>(submitted) : -EEXIST;
  uint64_t deadline_ns = Events::kNever;
  int result = parse_wait(flags, arg, arg_size, deadline_ns);
  if (result == 0) result = wait(std::min(wanted, memory_.cq_entries()), deadline_ns);
  return submitted > 0 ? static_cast<int>(submitted) : result;
}

int FakeRing::parse_wait(unsigned flags, const void* arg, size_t arg_size,
                         uint64_t& deadline_ns) const {
  if ((flags & IORING_ENTER_EXT_ARG) == 0) return 0;
  if (arg_size != sizeof(io_uring_getevents_arg)) return -EINVAL;
  const auto* argument = static_cast<const io_uring_getevents_arg*>(arg);
  if (argument == nullptr) return -EFAULT;
  if (argument->pad != 0) return -EINVAL;
  if (argument->ts == 0) return 0;
  const auto* timeout = reinterpret_cast<const __kernel_timespec*>(argument->ts);
  deadline_ns = after(machine_.world.clock_ns(), to_ns(*timeout));
  return 0;
}

void FakeRing::let_go() {
  if (closing_.empty()) return;
  std::exchange(closing_, {}).clear();
  machine_.world.fire_due();
}

// Rules U11, U17, U18.
int FakeRing::wait(unsigned wanted, uint64_t deadline_ns) {
  if (stalled_) return wait_stalled(wanted, deadline_ns);
  if (work_first_ != nullptr) run_work(wanted, std::max(kMostItems, wanted));
  let_go();
  flush_overflow();
  if (memory_.cqes_ready() >= wanted) return 0;
  unsigned target = memory_.cq_head() + wanted;
  uint64_t timeouts = timeouts_ended_;
  int result = 0;
  if (machine_.strikes(machine_.world.faults.enter_eintr)) result = -EINTR;
  while (result == 0) {
    unsigned missing = target - memory_.cq_tail();
    if (work_first_ == nullptr) {
      if (!machine_.world.execution->sleep(sleeper_, deadline_ns)) {
        std::string text = "ring " + std::to_string(number_) + " waits for ever for " +
                           std::to_string(missing) + " CQEs, with " + std::to_string(live_count_) +
                           " requests in flight";
        if (!machine_.deadlock) {
          std::fprintf(stderr, "deadlock: %s\n", text.c_str());
          std::abort();
        }
        machine_.deadlock(text);
        return -EINTR;
      }
      machine_.charge(machine_.costs.wake_ns);
      if (!sleeper_.woken && machine_.world.clock_ns() >= deadline_ns) result = -ETIME;
    }
    // Linux 6.13 runs as many items as CQEs are missing, others all that there are.
    if (work_first_ != nullptr) {
      bool more = work_first_->next_work != nullptr && missing < kMostItems;
      bool few = more && machine_.world.choices.choose(ChoiceKind::amount, 2) == 1;
      run_work(missing, few ? missing : std::max(kMostItems, missing));
    }
    let_go();
    flush_overflow();
    if (static_cast<int>(memory_.cq_tail() - target) >= 0 || timeouts_ended_ != timeouts) {
      result = 0;
      break;
    }
  }
  return memory_.cqes_ready() > 0 ? 0 : result;
}

}  // namespace gatio::fakes
