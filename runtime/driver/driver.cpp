#include "runtime/driver/driver.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace gatio {

Driver::Driver(Kernel& kernel, Heap& heap, const DriverOptions& options)
    : Executor(config::executes(options.role)), kernel_(kernel), options_(options), pool_(heap) {
  wake_failed_.driver = this;
  wake_failed_.complete = [](Completion* completion, int32_t result, uint32_t) {
    // A ring that is gone needs no wake-up: its driver had taken its last mail by itself.
    if (result == -EBADF || result == -EBADFD) return;
    static_cast<OwnCompletion*>(completion)->driver->wake_unless_closing();
  };
}

Driver::~Driver() {
  close();
}

void Driver::set_peers(Placer* placer, Driver* io_driver, bool has_peers) {
  placer_ = placer;
  io_driver_ = io_driver;
  has_peers_ = has_peers;
}

std::string Driver::name() const {
  return std::to_string(std::max(options_.node, 0)) + "/" + std::to_string(options_.index);
}

void Driver::enter_thread() {
  Executor::set_current(this);
  Pool::set_current(&pool_);
}

void Driver::leave_thread() {
  Executor::set_current(nullptr);
  Pool::set_current(nullptr);
}

Result<void> Driver::open() {
  if (int error = kernel_.pin(options_.cpu); error < 0) {
    return fail(-error, "driver " + name() + ": cannot pin its thread to CPU " +
                            std::to_string(options_.cpu) + " (" + strerrordesc_np(-error) +
                            "): is the CPU in this process's cpuset?");
  }
  if (Result<void> opened = ring_.open(kernel_, options_.ring); !opened) {
    return fail(opened.error().code, "driver " + name() + ": " + opened.error().message());
  }
  ring_fd_ = ring_.fd();
  if (!ring_.features().sync_message) {
    event_fd_ = kernel_.event_fd();
    if (event_fd_ < 0) {
      ring_.close();  // A driver that nobody could wake is not open.
      return fail(-event_fd_, "driver " + name() + ": cannot create an eventfd (" +
                                  strerrordesc_np(-event_fd_) +
                                  "): raise the limit of open files (ulimit -n)");
    }
    event_completion_.driver = this;
    event_completion_.complete = [](Completion* completion, int32_t, uint32_t flags) {
      // The event itself is the wake-up. A poll that has ended (a full CQ ends it) is armed again.
      if (!(flags & IORING_CQE_F_MORE))
        static_cast<OwnCompletion*>(completion)->driver->watch_event_fd();
    };
    watch_event_fd();
  }
  fresh_ns();
  return {};
}

void Driver::watch_event_fd() {
  io_uring_sqe* sqe = ring_.wake_sqe();
  io_uring_prep_poll_multishot(sqe, event_fd_, POLLIN);
  io_uring_sqe_set_data(sqe, &event_completion_);
}

void Driver::close() {
  // A thread whose message this driver has taken may still be about to wake it. Sequentially
  // consistent with wake_unless_closing(): this sees who is inside, or they see that it closes.
  closing_.store(true, std::memory_order_seq_cst);
  while (foreign_posts_.load(std::memory_order_seq_cst) != 0) kernel_.relax();
  ring_.close();
  if (event_fd_ >= 0) kernel_.close(event_fd_);
  event_fd_ = -1;
}

void Driver::turn() {
  ++stats_.turns;
  take_mail();
  timers_.expire(now_ns_);
  run_ready();
  publish_load();
  enter();
  // After the sleep, if there was one: what is reaped now must not be dated before it.
  fresh_ns();
  ring_.reap(kReapLimit);
}

Result<void> Driver::settle() {
  note_enter(ring_.enter(false));
  ring_.reap(kReapLimit);
  return health_;
}

void Driver::take_mail() {
  pool_.drain_remote();
  IntrusiveQueue<Work> mail = mailbox_.take();
  if (mail.empty()) return;
  // What senders had announced has arrived, but for what is under way at this moment: these are
  // hints.
  load_.coming_ns.store(0, std::memory_order_relaxed);
  load_.coming_tasks.store(0, std::memory_order_relaxed);
  while (Work* message = mail.pop()) {
    ++stats_.messages;
    message->run(message);
  }
}

// Runs at most kWorkBudget pieces of work, or as many as fit into kTimeBudgetNs, so that the ring
// is served again soon whatever the tasks do.
void Driver::run_ready() {
  if (run_queue_.empty()) return;
  const uint64_t start_ns = now_ns_;
  unsigned count = 0;
  while (count < kWorkBudget) {
    Work* work = run_queue_.pop();
    if (work == nullptr) break;
    work->run(work);
    if (++count % kClockEvery == 0 && fresh_ns() - start_ns > kTimeBudgetNs) break;
  }
  stats_.works += count;
  // Only those who place work need the average, and a clock read costs as much as a small task.
  if (!has_peers_) return;
  uint64_t each_ns = (fresh_ns() - start_ns) / count;
  average_work_ns_ = (7 * average_work_ns_ + each_ns) / 8;
}

void Driver::publish_load() {
  if (!has_peers_) return;
  if (run_queue_.length() == 0 && published_tasks_ == 0) return;
  std::array<uint64_t, kPriorityCount> queued_ns;
  uint32_t queued_tasks = 0;
  own_load(queued_ns, queued_tasks);
  for (size_t level = 0; level < kPriorityCount; ++level) {
    load_.queued_ns[level].store(queued_ns[level], std::memory_order_relaxed);
  }
  load_.queued_tasks.store(queued_tasks, std::memory_order_relaxed);
  published_tasks_ = run_queue_.length();
}

// Publishes what was prepared. Sleeps only if there is nothing left to do and the mailbox could be
// marked as parked, which fails when there is mail.
void Driver::enter() {
  if (!finishing_ && !has_work() && !spin_until_work() && mailbox_.park()) {
    wait();
    return;
  }
  note_enter(ring_.enter(false));
}

// What the kernel did not take stays queued and goes with the next enter, so that one failure can
// be reported and the run ended in good order; a ring that never works again cannot even be
// drained.
void Driver::note_enter(const Result<void>& entered) {
  if (entered) [[likely]] {
    failed_enters_ = 0;
    return;
  }
  if (health_)
    health_ = fail(entered.error().code, "driver " + name() + ": " + entered.error().message());
  GATIO_ASSERT(++failed_enters_ < kMostFailedEnters);
}

void Driver::wait() {
  sync_point(kDriverParked);
  ++stats_.parks;
  uint64_t timeout_ns = kNoTimeout;
  if (!timers_.empty()) {
    uint64_t now = fresh_ns();
    uint64_t deadline = timers_.next_deadline_ns();
    timeout_ns = deadline > now ? deadline - now : 0;
  }
  note_enter(timeout_ns == 0 ? ring_.enter(false) : ring_.enter(true, timeout_ns));
}

// Watches the mailbox for a while before parking, since being woken costs much more than a short
// spin. The time adapts: it grows while spinning finds mail and shrinks while it does not; spin_ns
// bounds it.
bool Driver::spin_until_work() {
  if (options_.spin_ns == 0) return false;
  Result<void> entered = ring_.enter(false);
  note_enter(entered);
  if (!entered || has_work()) return true;
  uint64_t start_ns = fresh_ns();
  uint64_t end_ns = std::min(start_ns + std::max(spin_budget_ns_, options_.spin_ns / 8),
                             timers_.next_deadline_ns());
  bool found = false;
  while (!found && fresh_ns() < end_ns) {
    kernel_.relax();
    found = mailbox_.has_mail() || ring_.needs_enter() || ring_.has_completions();
  }
  stats_.spins_ns += now_ns_ - start_ns;
  spin_budget_ns_ = found ? std::min(options_.spin_ns, 2 * spin_budget_ns_ + options_.spin_ns / 8)
                          : spin_budget_ns_ / 2;
  return found;
}

void Driver::post(Work& message) {
  Driver* from = current();
  if (from == nullptr) {
    // Relaxed: the push releases it to the driver that takes the message. The release below pairs
    // with the acquire in close().
    foreign_posts_.fetch_add(1, std::memory_order_relaxed);
    if (mailbox_.push(message)) wake(nullptr);
    sync_point("driver: posted");
    foreign_posts_.fetch_sub(1, std::memory_order_release);
    return;
  }
  if (from != this) ++from->stats_.handoffs;
  if (mailbox_.push(message)) wake(from);
  // The message may be carried out, and its memory gone, before the caller goes on.
  sync_point("driver: posted");
}

void Driver::post_to_self(Work& message) {
  GATIO_ASSERT(current() == this);
  // A mark that the last sleep left behind needs no wake-up: this driver runs.
  (void)mailbox_.push(message);
}

void Driver::own_load(std::array<uint64_t, kPriorityCount>& queued_ns,
                      uint32_t& queued_tasks) const {
  for (size_t level = 0; level < kPriorityCount; ++level) {
    queued_ns[level] = run_queue_.length(static_cast<Priority>(level)) * average_work_ns_;
  }
  queued_tasks = run_queue_.length();
}

// Wakes this driver, which is parked. A driver does it with a message from its own ring, sent with
// its next enter; any other thread goes without a ring.
void Driver::wake(Driver* from) {
  sync_point(kDriverWake);
  if (from != nullptr && from->is_open()) {
    ++from->stats_.wakes;
    send_message(from->ring_, ring_fd_, wake_failed_);
  } else if (from != nullptr) {
    wake_unless_closing();
  } else {
    wake_without_ring();
  }
}

// For a driver, whose message this one may have taken by itself, and have ended since: whoever
// closes sleeps no more.
void Driver::wake_unless_closing() {
  foreign_posts_.fetch_add(1, std::memory_order_seq_cst);  // As the store in close().
  if (!closing_.load(std::memory_order_seq_cst)) wake_without_ring();
  // Release pairs with the load in close(): the call above is over when that sees nobody inside.
  foreign_posts_.fetch_sub(1, std::memory_order_release);
}

void Driver::wake_without_ring() {
  // The kernel may lack the memory for a moment; a wake-up that is given up is a driver that sleeps
  // for ever. An eventfd that says EAGAIN is as full as can be: the driver will see it.
  for (unsigned attempt = 0; attempt < kMostWakeAttempts; ++attempt) {
    int error = event_fd_ >= 0 ? kernel_.event_signal(event_fd_)
                               : kernel_.ring_message(ring_fd_, kWakeUserData);
    if (error >= 0 || (event_fd_ >= 0 && error == -EAGAIN)) return;
    kernel_.relax();
  }
  GATIO_ASSERT(!"a parked driver can be woken");
}

void Driver::attach(Root& root) {
  root.previous_root = nullptr;
  root.next_root = first_root_;
  if (first_root_ != nullptr) first_root_->previous_root = &root;
  first_root_ = &root;
  if (cutting_off_) count_cut_off(root);
  if (frozen_ || (stopping_detached_ && root.detached)) root.stop.request_stop();
}

void Driver::detach(Root& root) {
  if (root.previous_root != nullptr) {
    root.previous_root->next_root = root.next_root;
  } else {
    first_root_ = root.next_root;
  }
  if (root.next_root != nullptr) root.next_root->previous_root = root.previous_root;
}

void Driver::stop_detached() {
  stopping_detached_ = true;
  for (Root* root = first_root_; root != nullptr; root = root->next_root) {
    if (root->detached) root->stop.request_stop();
  }
}

void Driver::count_cut_off(Root& root) {
  if (!root.detached || root.cut_off) return;
  root.cut_off = true;
  ++stats_.cut_off_tasks;
}

void Driver::cut_off_tasks() {
  cutting_off_ = true;
  refuses_operations = true;
  for (Root* root = first_root_; root != nullptr; root = root->next_root) count_cut_off(*root);
  stop_detached();
}

void Driver::cancel_operations() {
  // Those that stop callbacks cancel are on their way out; a poll stream that nobody closes is not.
  if (!config::does_io(options_.role) || operations_in_flight == helpers_in_flight) return;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  sqe->user_data = kNobodyUserData;
}

void Driver::freeze() {
  if (frozen_) return;
  frozen_ = true;
  for (Root* root = first_root_; root != nullptr; root = root->next_root) root->stop.request_stop();
}

void Driver::abandon_tasks() {
  GATIO_ASSERT(frozen_);
  Root* root = first_root_;
  while (root != nullptr) {
    // The destructors of one frame may have put another into the run queue: it has to pass it,
    // without being resumed, before it goes.
    while (Work* work = run_queue_.pop()) work->run(work);
    Root* next = root->next_root;
    if (root->children == 0) root->abandon(root);
    root = next;
  }
}

void Driver::uncaught(std::exception_ptr error) {
  ++stats_.uncaught;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "gatio: driver %s: an exception left a detached task: %s\n",
                 name().c_str(), exception.what());
  } catch (...) {
    std::fprintf(stderr, "gatio: driver %s: an exception left a detached task\n", name().c_str());
  }
}

}  // namespace gatio
