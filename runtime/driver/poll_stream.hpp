// A multishot poll of any descriptor as a stream of events: armed once, each event is a CQE and no
// further SQE. The stream is owned by one task; its state lies partly with the task's driver (home)
// and partly with the driver that does the I/O (owner), and is given back when both have finished
// with it.
#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include "runtime/base/result.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/task/stop.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

class PollStream {
 public:
  // Watches `fd` for these poll(2) events; the descriptor stays the caller's, who closes it after
  // the stream. On a driver only. ENOMEM when the heap's quota is exhausted, ENODEV where no driver
  // does I/O, ECANCELED once the deadline of a drain has passed.
  static Result<PollStream> open(int fd, uint32_t events);
  // The same, and the stream closes the descriptor when nothing of the kernel's looks at it any
  // more. When this fails the descriptor is still the caller's.
  static Result<PollStream> own(int fd, uint32_t events);

  PollStream(PollStream&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  PollStream& operator=(PollStream&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~PollStream();

  class Next;
  // `co_await stream.next()`: the events since the last call, as a poll(2) mask. Errors: ECANCELED,
  // EBADF.
  Next next();

 private:
  struct State;
  explicit PollStream(State* state) : state_(state) {}
  static Result<PollStream> arm(int fd, uint32_t events, bool owned);
  State* state_;
};

struct PollStream::State : Completion {
  struct Message : Work {
    Message(State* its_state, Run what) : Work(what), state(its_state) {}
    State* state;
  };
  State(int its_fd, uint32_t its_events, bool its_owned, Driver* its_home, Driver* its_owner);

  void send(Message& message, Work::Run what, Driver* to);
  // On the owner.
  void arm();
  void tell_home();
  static void armed_arrives(Work* work);
  static void event(Completion* completion, int32_t result, uint32_t flags);
  static void news_returns(Work* work);
  static void close_arrives(Work* work);
  void close_when_quiet();
  // On the home driver.
  static void news_arrives(Work* work);
  static void closed(Work* work);
  void wake_waiter();

  const int fd;
  const uint32_t events;
  const bool owned;  // the descriptor is closed with the state
  Driver* const home;
  Driver* const owner;

  // The owner's part.
  bool armed = false;
  bool closing = false;
  bool news_here = true;
  uint32_t pending_events = 0;
  int pending_error = 0;

  // The home driver's part.
  uint32_t ready_events = 0;
  int ready_error = 0;
  Next* waiter = nullptr;

  // Carries the events home and comes back empty; its fields belong to whoever has it.
  Message news;
  uint32_t news_events = 0;
  int news_error = 0;
  Message arming;  // brings the request to arm
  // Brings the request to close, which may set out while the one to arm is still under way.
  Message ending;
};

class PollStream::Next : private Resumption, private StopCallback {
 public:
  explicit Next(State* state) : StopCallback(&stopped), state_(state) {}
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> frame) {
    Context& context = *frame.promise().context;
    GATIO_ASSERT(Driver::current() ==
                 state_->home);  // A stream stays on the driver that opened it.
    GATIO_ASSERT(state_->waiter == nullptr);
    cancelled_ = context.stop->stop_requested();
    if (!cancelled_ && (state_->ready_events != 0 || state_->ready_error != 0)) return false;
    handle = frame;
    priority_ = context.root->priority;
    if (cancelled_) {
      // By way of the run queue: a loop that ignores this must not keep the driver for itself.
      state_->home->enqueue(*this, priority_);
      return true;
    }
    StopCallback::join(*context.stop);
    state_->waiter = this;
    return true;
  }
  Result<uint32_t> await_resume() {
    StopCallback::leave();
    if (cancelled_) return fail(ECANCELED);
    if (state_->ready_events == 0) return fail(state_->ready_error);
    return std::exchange(state_->ready_events, 0);
  }

 private:
  friend struct State;
  static void stopped(StopCallback* callback) {
    auto* self = static_cast<Next*>(callback);
    if (self->state_->waiter != self) return;  // Its events have come already.
    self->cancelled_ = true;
    self->state_->wake_waiter();
  }

  State* state_;
  Priority priority_ = Priority::normal;
  bool cancelled_ = false;
};

inline PollStream::Next PollStream::next() {
  return Next(state_);
}

}  // namespace gatio
