// What a task can await that needs no I/O: time, its turn in the run queue, another driver. Each
// awaiter lies in the task's frame and is touched by the driver on which the task runs; hop_to() is
// handed over with it.
#pragma once

#include <cerrno>
#include <chrono>
#include <coroutine>
#include <limits>

#include "runtime/base/result.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/driver/timers.hpp"
#include "runtime/task/executor.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/when.hpp"

namespace gatio {

// `co_await yield()`: lets the other ready tasks of this driver run first.
struct yield : private Resumption {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) {
    handle = frame;
    Executor::current()->enqueue(*this, frame.promise().context->root->priority);
  }
  void await_resume() const noexcept {}
};

// Waits until the driver's clock shows `deadline_ns`. ECANCELED when the task is asked to stop.
class sleep_until : private Timer, private Resumption, private StopCallback {
 public:
  explicit sleep_until(uint64_t deadline_ns)
      : Timer(&expired), StopCallback(&stopped), wanted_ns_(deadline_ns) {}

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) {
    Context& context = *frame.promise().context;
    handle = frame;
    priority_ = context.root->priority;
    if (context.stop->stop_requested()) {
      // By way of the run queue: a loop that ignores this must not keep the driver for itself.
      cancelled_ = true;
      Driver::current()->enqueue(*this, priority_);
      return;
    }
    StopCallback::join(*context.stop);
    Driver::current()->timers().arm(*this, wanted_ns_);
  }
  Result<void> await_resume() {
    StopCallback::leave();
    if (cancelled_) return fail(ECANCELED);
    return {};
  }

 private:
  static void expired(Timer* timer) {
    auto* self = static_cast<sleep_until*>(timer);
    Driver::current()->enqueue(*self, self->priority_);
  }
  static void stopped(StopCallback* callback) {
    auto* self = static_cast<sleep_until*>(callback);
    if (!self->armed()) return;  // The time has come already.
    Driver::current()->timers().disarm(*self);
    self->cancelled_ = true;
    Driver::current()->enqueue(*self, self->priority_);
  }

  uint64_t wanted_ns_;
  Priority priority_ = Priority::normal;
  bool cancelled_ = false;
};

// Waits at least this long. ECANCELED when the task is asked to stop.
inline sleep_until sleep_for(std::chrono::nanoseconds duration) {
  uint64_t now_ns = Driver::current()->fresh_ns();
  uint64_t wait_ns = duration.count() > 0 ? static_cast<uint64_t>(duration.count()) : 0;
  return sleep_until(wait_ns < Timers::kNever - now_ns ? now_ns + wait_ns : Timers::kNever);
}

// Moves the running task to another driver; it goes on there. EPERM when that driver runs no tasks,
// EINVAL in a branch of when_all or when_any, which stays where its siblings are. The task is where
// it was then.
class hop_to : private Resumption {
 public:
  explicit hop_to(Driver& target) : target_(target) {}

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> frame) {
    Context& context = *frame.promise().context;
    Driver* here = Driver::current();
    if (!target_.executes()) error_ = EPERM;
    if (context.in_branch) error_ = EINVAL;
    if (error_ != 0 || here == &target_) return false;
    handle = frame;
    root_ = context.root;
    here->detach(*root_);
    run = &arrive;
    Driver& target = target_;
    // Release pairs with the acquire of those who address a message to the task. From here on this
    // frame belongs to the target: nothing of it is touched after post().
    root_->home.store(&target, std::memory_order_release);
    target.post(*this);
    return true;
  }
  Result<void> await_resume() const {
    if (error_ != 0) return fail(error_);
    return {};
  }

 private:
  static void arrive(Work* work) {
    auto* self = static_cast<hop_to*>(work);
    Driver* here = Driver::current();
    here->attach(*self->root_);
    self->run = &Resumption::resume;
    here->enqueue(*self, self->root_->priority);
  }

  Driver& target_;
  Root* root_ = nullptr;
  int error_ = 0;
};

// A repeating timer as a stream: `co_await interval.next()` at each period from the first call of
// next(). Periods that have passed meanwhile are skipped and counted, so that a slow consumer does
// not rush.
class Interval {
 public:
  explicit Interval(std::chrono::nanoseconds period)
      : period_ns_(period.count() > 0 ? static_cast<uint64_t>(period.count()) : 1) {}

  // How many periods have passed since the last call, at least 1; ECANCELED when the task is asked
  // to stop.
  Task<Result<uint64_t>> next() {
    uint64_t now_ns = Driver::current()->fresh_ns();
    if (next_ns_ == 0) next_ns_ = now_ns + period_ns_;
    if (Result<void> slept = co_await sleep_until(next_ns_); !slept) co_return Error(slept.error());
    now_ns = Driver::current()->fresh_ns();
    uint64_t passed = 1 + (now_ns - next_ns_) / period_ns_;
    next_ns_ += passed * period_ns_;
    co_return passed;
  }

 private:
  uint64_t period_ns_;
  uint64_t next_ns_ = 0;
};

namespace detail {

// Whether the sleep was not cut short by a stop.
inline Task<bool> time_passes(std::chrono::nanoseconds duration) {
  Result<void> slept = co_await sleep_for(duration);
  co_return slept.has_value();
}

// A task beside the sleep that limits it. When both are asked to stop from outside, the sleep may
// be the first to end though no time has passed: the task's own result counts then.
template <typename T>
struct Limited : Branches<T, bool> {
  using Branches<T, bool>::Branches;
  Result<T> await_resume() {
    if (this->failed(1)) this->rethrow(1);  // There was no memory for its frame.
    bool expired = take_value(std::get<1>(this->tasks_));
    if (*this->first_ == 1 && expired) return fail(ETIMEDOUT);
    if (this->failed(0)) this->rethrow(0);
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return std::get<0>(this->tasks_).take();
    }
  }
};

}  // namespace detail

// Awaits `task`, for at most `duration`: then it is asked to stop, waited for, and ETIMEDOUT is the
// result.
template <typename T>
Task<Result<T>> with_deadline(std::chrono::nanoseconds duration, Task<T> task) {
  co_return co_await detail::Limited<T>(true, std::move(task), detail::time_passes(duration));
}

}  // namespace gatio
