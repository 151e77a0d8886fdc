// How a fake ring delivers: task work, the end of requests, CQEs and their overflow.
#include <poll.h>

#include <algorithm>
#include <utility>

#include "fakes/ring/cancel.hpp"
#include "fakes/ring/fake_ring.hpp"
#include "fakes/ring/time.hpp"

namespace gatio::fakes {
namespace {

// Once in so many times an item overtakes those before it: they come from different processors.
constexpr uint32_t kOvertakesOneIn = 8;
// How long the network holds on to what was sent without copying, in steps.
constexpr uint64_t kNotificationStepNs = 20'000;
constexpr uint32_t kNotificationSteps = 16;

}  // namespace

void FakeRing::push_work(WorkItem& item, bool in_order) {
  GATIO_ASSERT(!item.queued);
  item.queued = true;
  item.next_work = nullptr;
  if (work_first_ == nullptr) {
    work_first_ = work_last_ = &item;
  } else if (!in_order && machine_.world.choices.one_in(ChoiceKind::order, kOvertakesOneIn)) {
    item.next_work = work_first_;
    work_first_ = &item;
  } else {
    work_last_->next_work = &item;
    work_last_ = &item;
  }
  if (stalled_) return;
  if ((setup_flags_ & IORING_SETUP_TASKRUN_FLAG) != 0) memory_.raise(IORING_SQ_TASKRUN);
  machine_.world.execution->wake(sleeper_);
  notify(POLLIN);
}

void FakeRing::enqueue(Request& request) {
  if (!request.queued) push_work(request, false);
}

// Runs items until `at_least` are done or none is left; once begun, at most `at_most` of those that
// are there (rule U11). Only then the CQEs are posted, of which new items may come.
unsigned FakeRing::run_work(unsigned at_least, unsigned at_most) {
  unsigned done = 0;
  if (stalled_) return done;
  memory_.lower(IORING_SQ_TASKRUN);
  do {
    do {
      done += run_pass(at_most);
    } while (leftover_last_ == nullptr && work_first_ != nullptr && done < at_least);
    flush_finished();
  } while (work_first_ != nullptr && done < at_least);
  if (work_first_ != nullptr && (setup_flags_ & IORING_SETUP_TASKRUN_FLAG) != 0) {
    memory_.raise(IORING_SQ_TASKRUN);
  }
  return done;
}

// First what an earlier pass had to leave, then what is there by now; what is queued while that
// runs is behind it.
unsigned FakeRing::run_pass(unsigned at_most) {
  unsigned done = 0;
  if (leftover_last_ != nullptr) {
    done = run_up_to(leftover_last_, at_most);
    if (leftover_last_ != nullptr) return done;
  }
  if (work_first_ == nullptr) return done;
  leftover_last_ = work_last_;
  // One at least, as Linux does.
  return done + run_up_to(leftover_last_, std::max(at_most - done, 1U));
}

// At most so many items. Forgets the last when it has run.
unsigned FakeRing::run_up_to(WorkItem*& last, unsigned at_most) {
  unsigned done = 0;
  while (last != nullptr && done < at_most) {
    WorkItem& item = *work_first_;
    work_first_ = item.next_work;
    if (work_first_ == nullptr) work_last_ = nullptr;
    item.queued = false;
    if (&item == last) last = nullptr;
    ++done;
    item.run(*this, item);
    machine_.world.fire_due();
  }
  return done;
}

void FakeRing::run_request(FakeRing& ring, WorkItem& item) {
  auto& request = static_cast<Request&>(item);
  switch (request.state) {
    case RequestState::ready:
      ring.issue(request);
      return;
    case RequestState::finishing:
      ring.finish(request);
      return;
    case RequestState::failing:
      ring.end_chain(request);
      return;
    case RequestState::expired:
      ring.run_expired(request);
      return;
    case RequestState::polling:
      if (request.cancelled) {
        // What was transferred already is not lost.
        request.result =
            request.done_bytes > 0 ? static_cast<int32_t>(request.done_bytes) : -ECANCELED;
        request.failed = true;
        ring.finish(request);
      } else if (!request.multishot || ring.is_ready(request)) {
        // Who waits but once is tried in any case, as Linux issues it again.
        request.claimed = false;
        ring.attempt(request);
      }
      return;
    default:
      GATIO_ASSERT(false);
  }
}

void FakeRing::run_message(FakeRing& ring, WorkItem& item) {
  auto& message = static_cast<Message&>(item);
  ring.note_completion(0, message.cqe.res, message.cqe.flags);
  ring.post(message.cqe);
  ring.unused_messages_.push_back(&message);
}

void FakeRing::receive_message(uint64_t user_data, int32_t result, uint32_t flags) {
  if (dying_) return;  // The message is lost (rule U47).
  if (unused_messages_.empty()) {
    messages_.push_back(std::make_unique<Message>());
    unused_messages_.push_back(messages_.back().get());
  }
  Message& message = *unused_messages_.back();
  unused_messages_.pop_back();
  message.cqe = {user_data, result, flags};
  push_work(message, true);
}

void FakeRing::timer_fired(Request& request) {
  if (request.state == RequestState::working) {
    try_on_worker(request);
    return;
  }
  GATIO_ASSERT(request.state == RequestState::timing);
  if (request.operation == nullptr) {  // a notification
    finish_later(request, request.result);
    return;
  }
  request.state = RequestState::expired;
  if (request.timed != nullptr) {
    // From here on the chain goes on without it.
    request.timed->next_in_chain = request.next_in_chain;
    request.timed->fired_timeout = &request;
    request.next_in_chain = nullptr;
  } else {
    count_ended_timeout();
  }
  enqueue(request);
}

void FakeRing::run_expired(Request& request) {
  request.result = -ETIME;
  if (request.sqe.opcode == IORING_OP_LINK_TIMEOUT) {
    // As on Linux it says -ENOENT when the operation has ended meanwhile.
    int cancelled = request.timed != nullptr ? cancel_one(*this, *request.timed) : -ENOENT;
    if (request.timed != nullptr) request.timed->fired_timeout = nullptr;
    if (cancelled != 0) request.result = cancelled;
    finish(request);
    return;
  }
  // A repeated timeout goes on, unless it was the last time or there is no room (rule U16).
  bool goes_on = request.multishot && (request.repeats == 0 || --request.repeats > 0);
  if (goes_on && post_more(request, -ETIME, 0)) {
    request.state = RequestState::timing;
    start_timer(request, after(machine_.world.clock_ns(), request.time_ns));
    return;
  }
  finish(request);
}

void FakeRing::file_changed(Request& request, uint32_t events) {
  if (request.state != RequestState::polling) return;
  if ((events & (request.poll_mask | kAlwaysPolled | kStateChanged)) == 0) return;
  // Who waits but once is told but once.
  if (request.queued && !request.multishot) return;
  // Woken twice, or for more than bytes, it looks once more when it has had the bytes: a reset that
  // came with them is seen after them.
  bool for_more = request.queued || (events & (POLLERR | POLLHUP)) != 0;
  request.woken_again = for_more && request.sqe.opcode != IORING_OP_POLL_ADD;
  // A poll says what it was woken for, even if that has passed meanwhile; but it looks again after
  // a second wake-up, or where the state of a connection has changed.
  constexpr uint32_t kAsked = POLLHUP | POLLRDHUP | kStateChanged;
  request.woken_for = request.queued || (events & kAsked) != 0 ? 0 : events;
  enqueue(request);
  // It no longer stands before others who wait for the same.
  if (!request.multishot && (events & kStateChanged) == 0) request.unlink();
}

// Whoever was woken once is tried; more than once, its file is asked first.
bool FakeRing::is_ready(const Request& request) const {
  if (request.woken_for != 0 || request.sqe.opcode == IORING_OP_POLL_ADD) return true;
  return (request.file->poll() & (request.poll_mask | kAlwaysPolled)) != 0;
}

void FakeRing::finish_later(Request& request, int32_t result) {
  request.result = result;
  request.state = RequestState::finishing;
  request.unlink();
  request.timer.cancel();
  enqueue(request);
}

void FakeRing::finish(Request& request) {
  GATIO_ASSERT(!request.queued && request.state != RequestState::finished);
  request.state = RequestState::finished;
  request.unlink();
  request.timer.cancel();
  bool counts_as_success = request.sqe.opcode == IORING_OP_TIMEOUT && request.result == -ETIME &&
                           (request.sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS) != 0;
  bool severs = request.operation == nullptr || !request.operation->never_severs ||
                request.file == nullptr || !request.file->is_socket() ||
                request.result == -ECANCELED;
  if (request.result < 0 && !counts_as_success && severs) request.failed = true;
  request.next_finished = nullptr;
  (finished_last_ != nullptr ? finished_last_->next_finished : finished_first_) = &request;
  finished_last_ = &request;
}

void FakeRing::flush_finished() {
  flushes_ = flushes_ || finished_first_ != nullptr;
  while (finished_first_ != nullptr) {
    Request& request = *finished_first_;
    finished_first_ = request.next_finished;
    if (finished_first_ == nullptr) finished_last_ = nullptr;
    post_result(request);
    go_on_with_chain(request);
    if (request.notification != nullptr) {
      start_notification(*request.notification, request.result > 0);
    }
    if (request.fired_timeout != nullptr) request.fired_timeout->timed = nullptr;
    if (request.counts) --counting_timeouts_;
    recycle(request);
  }
  release_deferred();
  if (std::exchange(flushes_, false) && counting_timeouts_ > 0) end_counting_timeouts();
}

void FakeRing::post_result(Request& request) {
  uint32_t flags = request.flags;
  if (request.notification != nullptr && !request.unissued) flags |= IORING_CQE_F_MORE;
  // Whatever becomes of it, a link timeout that was started or cancelled has not failed.
  bool timed_link = request.sqe.opcode == IORING_OP_LINK_TIMEOUT && !request.doomed;
  bool succeeded = !request.failed || timed_link;
  if (request.silent || (request.skips_cqe && succeeded)) return;
  note_completion(request.number, request.result, flags);
  post({request.sqe.user_data, request.result, flags});
}

// The next of the chain is issued by task work; or none is.
void FakeRing::go_on_with_chain(Request& request) {
  Request* next = request.next_in_chain;
  if (next != nullptr && next->timed == &request && !next->doomed) {
    request.next_in_chain = next->next_in_chain;
    next->next_in_chain = nullptr;
    next->timed = nullptr;
    finish_later(*next, -ECANCELED);
    next = request.next_in_chain;
  }
  if (next == nullptr) return;
  if (request.failed && !request.hard_link) {
    fail_chain(request);
    return;
  }
  next->state = RequestState::ready;
  enqueue(*next);
}

// All that is left of the chain is one item of task work.
void FakeRing::fail_chain(Request& request) {
  Request& first = *std::exchange(request.next_in_chain, nullptr);
  for (Request* next = &first; next != nullptr; next = next->next_in_chain) {
    next->timed = nullptr;
    next->unissued = true;
    next->skips_cqe = false;
    next->silent = request.silent || request.skips_cqe;
    if (!next->doomed) next->result = -ECANCELED;
  }
  first.state = RequestState::failing;
  enqueue(first);
}

void FakeRing::end_chain(Request& first) {
  for (Request* next = &first; next != nullptr;) {
    Request& failed = *next;
    next = std::exchange(failed.next_in_chain, nullptr);
    finish(failed);
  }
}

void FakeRing::note_completion(uint32_t request_number, int32_t result, uint32_t flags) {
  bool descriptor = result >= Descriptors::kFirst;
  machine_.world.note(Happening::completed, number_, request_number,
                      descriptor ? result - Descriptors::kFirst : result, flags);
}

// Rules U14 and U15.
void FakeRing::post(const Cqe& cqe) {
  machine_.charge(machine_.costs.cqe_ns);
  flushes_ = true;
  if (can_post() && !machine_.strikes(machine_.world.faults.cq_full)) {
    ++events_posted_;
    memory_.post(cqe);
    return;
  }
  overflow_.push_back(cqe);
  if (!stalled_) memory_.raise(IORING_SQ_CQ_OVERFLOW);
}

bool FakeRing::post_more(Request& request, int32_t result, uint32_t flags) {
  if (!can_post() || machine_.strikes(machine_.world.faults.cq_full)) return false;
  // Those that ended before it in this batch come first; Linux before 6.15 let it overtake them.
  if (finished_first_ != nullptr && machine_.world.choices.choose(ChoiceKind::order, 2) == 0) {
    flush_finished();
    if (!can_post()) return false;
  }
  flags |= IORING_CQE_F_MORE;
  note_completion(request.number, result, flags);
  machine_.charge(machine_.costs.cqe_ns);
  ++events_posted_;
  flushes_ = true;
  memory_.post({request.sqe.user_data, result, flags});
  return true;
}

void FakeRing::flush_overflow() {
  if (stalled_) return;
  bool flushes = false;
  while (!overflow_.empty() && memory_.cq_has_room()) {
    memory_.post(overflow_.front());
    overflow_.pop_front();
    // Only what is in the CQ counts for timeouts.
    ++events_posted_;
    flushes = true;
  }
  if (overflow_.empty()) memory_.lower(IORING_SQ_CQ_OVERFLOW);
  if (flushes && counting_timeouts_ > 0) end_counting_timeouts();
}

void FakeRing::start_counting(Request& timeout, uint32_t count) {
  timeout.counts = true;
  timeout.target_count = events_posted_ + count;
  events_looked_at_ = events_posted_;
  ++counting_timeouts_;
}

// Timeouts that end after a count of CQEs, which has been reached. As on Linux the difference is
// one of 32 bits without sign: where a timeout has ended without a CQE it is huge, and all end.
void FakeRing::end_counting_timeouts() {
  uint32_t got = events_posted_ - events_looked_at_;
  for (Request* request = live_first_; request != nullptr; request = request->live_next) {
    if (request->state != RequestState::timing || !request->counts) continue;
    if (got < request->target_count - events_looked_at_) continue;
    finish_later(*request, 0);
    count_ended_timeout();
  }
  events_looked_at_ += got;
}

void FakeRing::add_notification(Request& request, int32_t result) {
  Request& notification = make_request();
  notification.state = RequestState::linked;
  notification.sqe.user_data = request.sqe.user_data;
  notification.result = result;
  notification.flags = IORING_CQE_F_NOTIF;
  request.notification = &notification;
}

void FakeRing::start_notification(Request& notification, bool sent) {
  // What was never sent is not held by the network.
  uint32_t most = sent ? kNotificationSteps : 1;
  uint64_t steps = machine_.world.choices.choose(ChoiceKind::delay, most);
  if (steps == 0) {
    finish_later(notification, notification.result);
    return;
  }
  notification.state = RequestState::timing;
  start_timer(notification, machine_.world.clock_ns() + steps * kNotificationStepNs);
}

}  // namespace gatio::fakes
