// One I/O operation that a task awaits. It lies in the task's frame, embeds its completion and is
// itself the message by which it travels: from the task's driver (home) to the driver that does the
// I/O (owner) and back. Where both are one, no message is sent. The frame stays suspended until the
// operation's CQE has come and a request to cancel, if there was one, is back: a frame is never
// destroyed before (design R3). Fields are touched by one driver at a time, except where a comment
// names the driver.
#pragma once

#include <coroutine>
#include <cstdint>

#include "runtime/base/result.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/ring/completion.hpp"
#include "runtime/task/stop.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

class Operation : private Work, private Completion, private StopCallback {
 public:
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) {
    begin(frame, *frame.promise().context);
  }

 protected:
  // Fills the SQE, but for its user_data. Called on the owner.
  using Prepare = void (*)(Operation*, io_uring_sqe*);
  explicit Operation(Prepare prepare) : StopCallback(&stop), prepare_(prepare), cancel_(this) {}
  ~Operation() = default;

  // The CQE's result: >= 0, or -errno.
  [[nodiscard]] int32_t result() const { return result_; }

 private:
  struct CancelMessage : Work {
    explicit CancelMessage(Operation* its_operation) : operation(its_operation) {}
    Operation* operation;
  };

  void begin(std::coroutine_handle<> frame, Context& context);
  void submit();
  void cancel_on_owner();
  void resume_when_free();
  static void stop(StopCallback* callback);
  static void completed(Completion* completion, int32_t result, uint32_t flags);
  static void arrive_at_owner(Work* work);
  static void arrive_home(Work* work);
  static void resume(Work* work);
  static void cancel_arrives_at_owner(Work* work);
  static void cancel_arrives_home(Work* work);

  Prepare prepare_;
  std::coroutine_handle<> frame_;
  Driver* home_ = nullptr;
  Driver* owner_ = nullptr;
  int32_t result_ = 0;
  Priority priority_ = Priority::normal;
  bool completed_on_owner_ = false;  // owner only
  bool done_ = false;                // home only: the result is here
  bool cancel_away_ = false;         // home only: the request to cancel is under way
  CancelMessage cancel_;
};

// An operation whose SQE is filled by a callable, and whose result is a number or an errno.
template <typename Fill>
class SimpleOperation final : public Operation {
 public:
  explicit SimpleOperation(Fill fill) : Operation(&prepare), fill_(fill) {}

  Result<int> await_resume() const {
    if (result() < 0) return fail(-result());
    return result();
  }

 private:
  static void prepare(Operation* self, io_uring_sqe* sqe) {
    static_cast<SimpleOperation*>(self)->fill_(sqe);
  }
  Fill fill_;
};

}  // namespace gatio
