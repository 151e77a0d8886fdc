// What a task knows of the thing that runs it: where to leave work, and who is running right now. A
// driver is an Executor; tasks never see more of it. `current()` is set by the driver's thread (by
// the simulator when it switches drivers) and is null on every other thread.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>

#include "runtime/base/assert.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/work.hpp"
#include "runtime/task/hints.hpp"

namespace gatio {

struct Root;

class Executor {
 public:
  // Any thread: `message.run` is called on this executor, in the order of posting for each sender.
  virtual void post(Work& message) = 0;
  // This executor only: `work.run` is called in a later step of this turn or of the next one.
  virtual void enqueue(Work& work, Priority priority) = 0;
  // This executor only: the driver that placement gives for a task spawned here. Fails when none
  // may execute.
  virtual Result<Executor*> place(const Hints& hints) = 0;
  // This executor only: a task tree now lives here, or no longer does (it ended, or hopped away).
  virtual void attach(Root& root) = 0;
  virtual void detach(Root& root) = 0;
  // This executor only: an exception left a task that nobody joins.
  virtual void uncaught(std::exception_ptr error) = 0;

  // Called before each resumption of a user's frame. An io driver never runs one (design R1). False
  // when no frame runs here any more: it stays suspended until it is destroyed.
  [[nodiscard]] bool begin_resumption() {
    GATIO_ASSERT(executes_);
    if (frozen_) [[unlikely]]
      return false;
    ++resumptions_;
    return true;
  }
  [[nodiscard]] bool frozen() const { return frozen_; }
  [[nodiscard]] uint64_t resumptions() const { return resumptions_; }
  [[nodiscard]] bool executes() const { return executes_; }

  static Executor* current() { return current_; }
  static void set_current(Executor* executor) { current_ = executor; }

 protected:
  explicit Executor(bool executes) : executes_(executes) {}
  ~Executor() = default;
  bool frozen_ = false;  // no frame is resumed any more

 private:
  inline static constinit thread_local Executor* current_ = nullptr;
  uint64_t resumptions_ = 0;
  const bool executes_;
};

// A suspended frame that waits in a run queue or on its way to one.
struct Resumption : Work {
  Resumption() : Work(&resume) {}
  std::coroutine_handle<> handle;

  static void resume(Work* work) {
    if (Executor::current()->begin_resumption()) static_cast<Resumption*>(work)->handle.resume();
  }
};

}  // namespace gatio
