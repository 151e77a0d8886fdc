// run_blocking(): for calls that cannot be asynchronous. The callable runs on a helper thread of
// its own while the task is suspended; its value or exception comes back by message. The callable
// must not touch anything that belongs to a driver.
#pragma once

#include <cerrno>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/base/result.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/task/task.hpp"
#include "runtime/task/when.hpp"

namespace gatio {

template <typename Callable>
class BlockingCall : private Work {
  using Value = std::invoke_result_t<Callable&>;

 public:
  explicit BlockingCall(Callable callable) : Work(&arrive), callable_(std::move(callable)) {}

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) {
    home_ = Driver::current();
    resumption_.handle = frame;
    priority_ = frame.promise().context->root->priority;
    if (home_->refuses_operations) {
      error_ = ECANCELED;
    } else if (home_->helpers_in_flight >= Driver::kMostHelpers) {
      error_ = EAGAIN;
    } else {
      ++home_->operations_in_flight;
      ++home_->helpers_in_flight;
      int started = home_->kernel().start_helper([this] { call(); });
      if (started >= 0) return;  // The frame is the helper's now.
      --home_->operations_in_flight;
      --home_->helpers_in_flight;
      error_ = -started;
    }
    // By way of the run queue: a loop that ignores the error must not keep the driver for itself.
    home_->enqueue(resumption_, priority_);
  }
  Result<Value> await_resume() {
    if (error_ == ECANCELED) return fail(ECANCELED, "the runtime is shutting down");
    if (error_ != 0) return fail(error_, "no helper thread could be started for a blocking call");
    if (exception_) std::rethrow_exception(exception_);
    if constexpr (std::is_void_v<Value>) {
      return {};
    } else {
      return std::move(*value_);
    }
  }

 private:
  // On the helper thread. The frame belongs to it until the message is posted.
  void call() {
    try {
      if constexpr (std::is_void_v<Value>) {
        callable_();
      } else {
        value_.emplace(callable_());
      }
    } catch (...) {
      exception_ = std::current_exception();
    }
    home_->post(*this);
  }
  static void arrive(Work* work) {
    auto* self = static_cast<BlockingCall*>(work);
    --self->home_->operations_in_flight;
    --self->home_->helpers_in_flight;
    self->home_->enqueue(self->resumption_, self->priority_);
  }

  Callable callable_;
  Driver* home_ = nullptr;
  Resumption resumption_;
  Priority priority_ = Priority::normal;
  std::optional<UnitIfVoid<Value>> value_;
  std::exception_ptr exception_;
  int error_ = 0;
};

// `co_await run_blocking(f)` yields Result<decltype(f())>: EAGAIN when there is no thread to be
// had, ECANCELED once the drivers are being stopped; what f throws is thrown here. It cannot be
// cancelled: a task that is asked to stop goes on when f returns.
template <typename Callable>
BlockingCall<std::decay_t<Callable>> run_blocking(Callable&& callable) {
  return BlockingCall<std::decay_t<Callable>>(std::forward<Callable>(callable));
}

}  // namespace gatio
