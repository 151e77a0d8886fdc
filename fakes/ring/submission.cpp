// How a fake ring takes SQEs: preparation, chains, drains, the first attempt.
#include <algorithm>
#include <utility>

#include "fakes/ring/fake_ring.hpp"
#include "fakes/ring/time.hpp"

namespace gatio::fakes {
namespace {

constexpr unsigned kValidSqeFlags = (1U << (IOSQE_CQE_SKIP_SUCCESS_BIT + 1)) - 1;
// How long a worker thread takes, in steps.
constexpr uint64_t kWorkerStepNs = 5'000;
constexpr uint32_t kWorkerSteps = 8;

// What the fault plan may make of an operation.
int operation_fault(Machine& machine, uint8_t opcode) {
  static constexpr int kReceive[] = {ENOMEM, ETIMEDOUT};
  static constexpr int kSend[] = {ENOMEM, ENOBUFS};
  static constexpr int kConnect[] = {ENETUNREACH, ETIMEDOUT};
  static constexpr int kOpen[] = {EMFILE, ENFILE, ENOMEM};
  static constexpr int kAccept[] = {ECONNABORTED, ENFILE, ENOMEM};
  static constexpr int kFile[] = {EIO};
  static constexpr int kMessage[] = {EOVERFLOW, ENOMEM};
  static constexpr int kMemory[] = {ENOMEM};
  std::span<const int> errors;
  switch (opcode) {
    case IORING_OP_RECV:
    case IORING_OP_RECVMSG:
      errors = kReceive;
      break;
    case IORING_OP_SEND:
    case IORING_OP_SENDMSG:
    case IORING_OP_SEND_ZC:
    case IORING_OP_SENDMSG_ZC:
      errors = kSend;
      break;
    case IORING_OP_CONNECT:
      errors = kConnect;
      break;
    case IORING_OP_SOCKET:
    case IORING_OP_OPENAT:
      errors = kOpen;
      break;
    case IORING_OP_ACCEPT:
      errors = kAccept;
      break;
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_FSYNC:
      errors = kFile;
      break;
    case IORING_OP_MSG_RING:
      errors = kMessage;
      break;
    case IORING_OP_POLL_ADD:
      errors = kMemory;
      break;
    default:
      return 0;
  }
  auto which =
      machine.world.choices.choose(ChoiceKind::fault, static_cast<uint32_t>(errors.size()));
  return -errors[which];
}

size_t chain_length(const Request& head) {
  size_t length = 1;
  for (const Request* each = head.next_in_chain; each != nullptr; each = each->next_in_chain) {
    ++length;
  }
  return length;
}

}  // namespace

unsigned FakeRing::submit(unsigned count) {
  unsigned taken = 0;
  count = std::min(count, memory_.sqes_queued());
  while (taken < count) {
    io_uring_sqe sqe;
    if (!memory_.take(sqe)) break;
    ++taken;
    bool good = submit_one(sqe);
    machine_.world.fire_due();
    if (!good && (setup_flags_ & IORING_SETUP_SUBMIT_ALL) == 0) break;
  }
  // A chain ends with the batch.
  if (chain_first_ != nullptr) {
    Request& head = *chain_first_;
    chain_first_ = chain_last_ = nullptr;
    queue(head);
  }
  flush_finished();
  machine_.charge(taken * machine_.costs.sqe_ns);
  return taken;
}

// False where the batch is to stop (rule U6).
bool FakeRing::submit_one(const io_uring_sqe& sqe) {
  Request& request = make_request();
  request.sqe = sqe;
  int error = prepare(request);
  int descriptor = sqe.fd >= Descriptors::kFirst ? sqe.fd - Descriptors::kFirst : sqe.fd;
  machine_.world.note(Happening::submitted, number_, request.number, sqe.opcode, descriptor);
  if (error != 0) {
    request.doomed = true;
    request.result = error;
    // The rest of its chain must not run: nor what is before it (rule U7).
    if (chain_first_ != nullptr && !chain_first_->doomed) {
      chain_first_->doomed = true;
      chain_first_->result = -ECANCELED;
    }
  }
  bool completes_chain = chain_up(request);
  return error == 0 || !completes_chain;
}

// Adds it to the chain that is being collected. True when something was queued by that.
bool FakeRing::chain_up(Request& request) {
  if (chain_first_ == nullptr && !request.link) {
    queue(request);
    return true;
  }
  request.state = RequestState::linked;
  if (chain_first_ == nullptr) {
    chain_first_ = &request;
  } else {
    chain_last_->next_in_chain = &request;
    // A drain anywhere in a chain is the whole chain's.
    chain_first_->drains |= request.drains;
  }
  chain_last_ = &request;
  if (request.link) return false;
  Request& head = *chain_first_;
  chain_first_ = chain_last_ = nullptr;
  queue(head);
  return true;
}

int FakeRing::prepare(Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  request.hard_link = (sqe.flags & IOSQE_IO_HARDLINK) != 0;
  request.link = (sqe.flags & IOSQE_IO_LINK) != 0 || request.hard_link;
  request.skips_cqe = (sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0;
  request.fixed_file = (sqe.flags & IOSQE_FIXED_FILE) != 0;
  request.operation = find_operation(sqe.opcode);
  if (request.operation == nullptr) return -EINVAL;
  if ((sqe.flags & ~kValidSqeFlags) != 0) return -EINVAL;
  if ((sqe.flags & IOSQE_BUFFER_SELECT) != 0 && !request.operation->selects_buffers) {
    return -EOPNOTSUPP;
  }
  // Who skips CQEs cannot know any more what a drain waits for.
  skips_cqes_ = skips_cqes_ || request.skips_cqe;
  if ((sqe.flags & IOSQE_IO_DRAIN) != 0) {
    if (skips_cqes_) return -EOPNOTSUPP;
    request.drains = drain_active_ = true;
    // In the middle of a chain it drains the whole chain, and what follows that.
    drain_next_ = drain_next_ || chain_first_ != nullptr;
  }
  if (drain_next_ && chain_first_ == nullptr) {
    drain_next_ = false;
    request.drains = drain_active_ = true;
  }
  if (sqe.ioprio != 0 && !request.operation->takes_ioprio) return -EINVAL;
  if (sqe.personality != 0) return -EINVAL;
  return request.operation->prepare(*this, request);
}

void FakeRing::queue(Request& head) {
  if (head.doomed) {
    for (Request* each = &head; each != nullptr; each = each->next_in_chain) {
      each->hard_link = false;
    }
    finish(head);
  } else if (head.drains || drain_active_) {
    defer(head);
  } else {
    issue(head);
  }
}

// Rule U36, as Linux 6.18 does it: even one that needs not wait is issued by task work, and so is
// the first behind a drain.
void FakeRing::defer(Request& head) {
  bool drains = head.drains;
  head.state = RequestState::deferred;
  deferred_count_ += chain_length(head);
  deferred_.push_back(&head);
  release_deferred();
  if (!drains && deferred_.empty()) drain_active_ = false;
}

void FakeRing::release_deferred() {
  bool drain_seen = false;
  for (bool first = true; !deferred_.empty(); first = false) {
    Request& head = *deferred_.front();
    drain_seen = drain_seen || head.drains;
    // Whatever else is in flight came before it.
    if ((drain_seen || first) && live_count_ != deferred_count_) return;
    deferred_.pop_front();
    deferred_count_ -= chain_length(head);
    head.state = RequestState::ready;
    enqueue(head);
  }
}

void FakeRing::issue(Request& request) {
  request.state = RequestState::running;
  if (request.operation->on_worker) {
    start_worker(request);
    return;
  }
  if (!find_file(request)) {
    finish(request);
    return;
  }
  if (fails_by_plan(request)) {
    finish(request);
    return;
  }
  if ((request.sqe.flags & IOSQE_ASYNC) != 0 && !request.multishot) {
    start_worker(request);
  } else {
    attempt(request);
  }
  if (request.state != RequestState::finished) start_link_timeout(request);
}

// Whether the plan of faults makes it end now, with `result`.
bool FakeRing::fails_by_plan(Request& request) {
  if (!machine_.strikes(machine_.world.faults.operation_error)) return false;
  request.result = operation_fault(machine_, request.sqe.opcode);
  if (request.result == 0) return false;
  machine_.world.note(Happening::faulted, request.sqe.opcode, request.result);
  return true;
}

// Whether it may fail although it has waited or delivered something: where it would now go on. What
// has moved bytes that no CQE has told of says how many instead, and what holds a buffer keeps it.
bool FakeRing::may_fail_late(const Request& request) const {
  switch (request.sqe.opcode) {
    case IORING_OP_RECV:
    case IORING_OP_RECVMSG:
    case IORING_OP_ACCEPT:
    case IORING_OP_SEND:
    case IORING_OP_SENDMSG:
    case IORING_OP_SEND_ZC:
    case IORING_OP_SENDMSG_ZC:
      return request.started && request.done_bytes == 0 && !request.keeps_buffer &&
             (request.file->poll() & request.poll_mask) != 0;
    default:
      return false;
  }
}

bool FakeRing::find_file(Request& request) {
  if (!request.operation->needs_file) return true;
  request.file =
      request.fixed_file ? fixed_file(request.sqe.fd) : machine_.descriptors.get(request.sqe.fd);
  if (request.file == nullptr) request.result = -EBADF;
  return request.file != nullptr;
}

void FakeRing::attempt(Request& request) {
  request.state = RequestState::running;
  if (may_fail_late(request) && fails_by_plan(request)) {
    finish(request);
    return;
  }
  Step step = request.operation->attempt(*this, request);
  request.started = true;
  switch (step) {
    case Step::done:
      if (request.operation->fails_later && request.result < 0) {
        finish_later(request, request.result);
      } else {
        finish(request);
      }
      return;
    case Step::wait:
      request.state = RequestState::polling;
      if (!request.multishot) request.unlink();
      // One that goes on waiting and was woken again meanwhile looks at once.
      if (bool waited = request.linked(); ready_by_now(request)) {
        if (waited && !request.queued) {
          attempt(request);
          return;
        }
        // Nobody can cancel that, unless it goes on waiting anyway.
        request.claimed = !request.multishot;
        enqueue(request);
        if (request.claimed) return;
        request.woken_for = request.sqe.opcode == IORING_OP_POLL_ADD ? 0 : request.poll_mask;
      }
      if (!request.linked()) watch(request);
      return;
    case Step::again:
      request.state = RequestState::polling;
      request.claimed = false;
      if (!request.linked()) watch(request);
      enqueue(request);
      return;
    case Step::worker:
      start_worker(request);
      return;
    case Step::pending:
      return;
  }
}

// As Linux queues those who wait for a file: whoever came last is told first, but of those who
// accept the first.
void FakeRing::watch(Request& request) {
  bool accepts = request.sqe.opcode == IORING_OP_ACCEPT;
  request.be_told_alone(accepts);
  if (accepts) {
    request.file->add(request);
  } else {
    request.file->add_first(request);
  }
}

// A file may be ready before the ring waits for it, be it by what happens at this very moment:
// Linux then tries again at once.
bool FakeRing::ready_by_now(Request& request) {
  if (request.linked() && !std::exchange(request.woken_again, false)) return false;
  machine_.world.fire_due();
  // A peer that has ended its stream wakes whoever waits, but makes no send possible.
  uint32_t wanted = request.poll_mask | (kAlwaysPolled & ~uint32_t{POLLRDHUP});
  return (request.file->poll() & wanted) != 0;
}

void FakeRing::start_worker(Request& request) {
  request.state = RequestState::working;
  // It may be done before this enter ends.
  uint64_t steps = 1 + machine_.world.choices.choose(ChoiceKind::delay, kWorkerSteps);
  if (steps == kWorkerSteps) steps = 0;
  start_timer(request, machine_.world.clock_ns() + steps * kWorkerStepNs);
}

// The request is as a worker thread left it: what comes of it is task work.
void FakeRing::try_on_worker(Request& request) {
  request.state = RequestState::running;
  // It looks its file up itself: by then another may have closed the descriptor.
  if (request.file == nullptr && !find_file(request)) {
    finish_later(request, request.result);
    return;
  }
  if (request.operation->on_worker) start_link_timeout(request);
  request.on_worker = true;
  Step step = request.operation->attempt(*this, request);
  request.on_worker = false;
  request.started = true;
  if (step == Step::done) {
    finish_later(request, request.result);
  } else if (step == Step::wait || step == Step::again) {
    request.state = RequestState::polling;
    if (!request.linked()) watch(request);
    if (step == Step::again) enqueue(request);
  } else {
    GATIO_ASSERT(step == Step::pending);
  }
}

void FakeRing::start_link_timeout(Request& request) {
  Request* timeout = request.next_in_chain;
  if (timeout == nullptr || timeout->timed != &request || timeout->doomed) return;
  if (timeout->state != RequestState::linked) return;
  timeout->state = RequestState::timing;
  bool absolute = (timeout->sqe.timeout_flags & IORING_TIMEOUT_ABS) != 0;
  start_timer(*timeout, after(absolute ? 0 : machine_.world.clock_ns(), timeout->time_ns));
}

}  // namespace gatio::fakes
