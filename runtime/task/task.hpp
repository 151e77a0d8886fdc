// Task<T>: a lazy, move-only coroutine that yields a T or an exception to the one that awaits it.
// Its frame comes from the heap of the driver on which it is called. Control passes between a task
// and its awaiter by symmetric transfer, without a run queue in between. A task belongs to its
// owner (the awaiter's frame, as a rule) and runs on one driver at a time.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/base/assert.hpp"
#include "runtime/memory/pool.hpp"
#include "runtime/task/executor.hpp"
#include "runtime/task/hints.hpp"
#include "runtime/task/stop.hpp"

namespace gatio {

struct Root;

// The surroundings of a frame, inherited by the tasks that it awaits: the tree it belongs to, and
// the source that stops it (a branch of when_any has a narrower one than its tree).
struct Context {
  Root* root = nullptr;
  StopSource* stop = nullptr;
  bool in_branch = false;  // in a branch of when_all or when_any, which must not leave its driver
};

// Told when a task without an awaiter ends; returns what to resume next, or a no-op handle. The
// frame is suspended for good then and may be destroyed by it.
struct Completer {
  using Done = std::coroutine_handle<> (*)(Completer*);
  explicit Completer(Done what) : done(what) {}
  Done done;
};

// A tree of tasks that runs on one driver at a time, from spawn to end. `home` is written by the
// driver that gives the tree away.
struct Root : Completer {
  // Destroys the frames of a tree that is at rest, or that never began, and reports its end as if
  // it had come by itself. On its home, which is frozen; only without children.
  using Abandon = void (*)(Root*);
  Root(Done what, Abandon how, Priority its_priority)
      : Completer(what), abandon(how), priority(its_priority) {
    context.root = this;
    context.stop = &stop;
  }
  // Release when the tree is given away, after the old driver's last access to it; acquire by
  // whoever addresses a message to the tree, so that the new home sees those accesses done.
  std::atomic<Executor*> home{nullptr};
  const Abandon abandon;
  Priority priority;
  bool detached = false;  // nobody joins it: the drain of its driver asks it to stop
  bool cut_off = false;   // it lived when the deadline of the drain had passed, and was counted
  unsigned children = 0;  // in all scopes of the tree
  StopSource stop;
  Context context;
  Root* previous_root = nullptr;  // the driver's list of the trees that live on it
  Root* next_root = nullptr;
};

class PromiseBase {
 public:
  static void* operator new(size_t bytes) noexcept {
    GATIO_ASSERT(Pool::current() !=
                 nullptr);  // a task is called on a driver: spawn takes a callable
    return Pool::current()->allocate(bytes);
  }
  static void operator delete(void* frame) noexcept { Pool::free(frame); }

  std::suspend_always initial_suspend() noexcept { return {}; }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      PromiseBase& promise = self.promise();
      if (promise.continuation) return promise.continuation;
      return promise.completer->done(promise.completer);
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

  std::coroutine_handle<> continuation;
  Completer* completer = nullptr;
  Context* context = nullptr;
};

template <typename T>
class TaskPromise : public PromiseBase {
 public:
  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  template <typename U>
  requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) { value_.emplace(std::forward<U>(value)); }
  T take() {
    if (error_) std::rethrow_exception(std::move(error_));
    return std::move(*value_);
  }
  [[nodiscard]] const std::exception_ptr& error() const { return error_; }

 private:
  std::optional<T> value_;
  std::exception_ptr error_;
};

template <>
class TaskPromise<void> : public PromiseBase {
 public:
  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  void return_void() noexcept {}
  void take() {
    if (error_) std::rethrow_exception(std::move(error_));
  }
  [[nodiscard]] const std::exception_ptr& error() const { return error_; }

 private:
  std::exception_ptr error_;
};

template <typename T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : TaskPromise<T> {
    Task get_return_object() noexcept {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    // The quota of the heap is exhausted: the task is empty, and awaiting it throws std::bad_alloc.
    static Task get_return_object_on_allocation_failure() noexcept { return Task(nullptr); }
  };
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() { reset(); }

  // Destroys the frame. It must not be running nor have an operation in flight (design R3).
  void reset() {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }

  // Gives the task its surroundings; resume the returned handle to start it. `completer` is told of
  // its end. Throws std::bad_alloc when the frame could not be allocated.
  std::coroutine_handle<> prepare(Context& context, Completer& completer) {
    if (!handle_) throw std::bad_alloc();
    handle_.promise().context = &context;
    handle_.promise().completer = &completer;
    return handle_;
  }
  // The result of a task that has ended: its value, or its exception thrown again.
  T take() { return handle_.promise().take(); }
  [[nodiscard]] const std::exception_ptr& error() const { return handle_.promise().error(); }
  [[nodiscard]] bool done() const { return handle_ && handle_.done(); }
  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(handle_); }

  auto operator co_await() && noexcept { return Awaiter{handle_}; }

 private:
  explicit Task(Handle handle) : handle_(handle) {}

  struct Awaiter {
    Handle callee;
    bool await_ready() const noexcept { return !callee; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
      callee.promise().continuation = awaiting;
      callee.promise().context = awaiting.promise().context;
      return callee;
    }
    T await_resume() {
      if (!callee) throw std::bad_alloc();
      return callee.promise().take();
    }
  };

  Handle handle_ = nullptr;
};

// `co_await current_context()`: the surroundings of the running task; never suspends.
struct current_context {
  Context* context = nullptr;
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
    context = self.promise().context;
    return false;
  }
  Context& await_resume() const noexcept { return *context; }
};

// `co_await stop_token()`: the token that says whether the running task was asked to stop; never
// suspends.
struct stop_token : current_context {
  StopToken await_resume() const noexcept { return StopToken(*context->stop); }
};

}  // namespace gatio
