// A scope joins what it spawned: it ends when all its children have, on whatever drivers they ran.
// It lives in the frame of with_scope(), whose task owns it, and is touched only by the driver on
// which that task runs; children elsewhere report by message.
#pragma once

#include <cerrno>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/base/result.hpp"
#include "runtime/task/executor.hpp"
#include "runtime/task/hints.hpp"
#include "runtime/task/spawned.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

// A task that was made here, and where it is to run.
struct Placed {
  Spawned* child;
  Executor* target;
};

// Asks for a place only once there is something to be sent: whoever is chosen counts on it.
template <typename Callable>
Result<Placed> make_placed(Callable&& callable, const Hints& hints) {
  auto* child = SpawnedCallable<std::decay_t<Callable>>::make(std::forward<Callable>(callable),
                                                              hints.priority);
  if (child == nullptr)
    return fail(ENOMEM, "the heap's quota is exhausted: the task was not spawned");
  Result<Executor*> target = Executor::current()->place(hints);
  if (target) return Placed{child, *target};
  child->destroy();
  return Error(target.error());
}

class Scope : private StopCallback {
 public:
  explicit Scope(Context& context) : StopCallback(&owner_stopped), context_(context) {
    if (context.stop->stop_requested()) {
      stopped_ = true;
    } else {
      StopCallback::join(*context.stop);
    }
  }
  ~Scope() { GATIO_ASSERT(first_child_ == nullptr); }

  // Spawns a task on the driver that placement chooses. `callable` takes nothing and returns a
  // Task<void>. ENOMEM when the heap's quota is exhausted, EPERM when no driver may execute tasks.
  template <typename Callable>
  Result<void> spawn(Callable&& callable, Hints hints = {}) {
    auto made = make_placed(std::forward<Callable>(callable), hints);
    if (!made) return Error(made.error());
    add(*made->child);
    made->child->launch(*made->target);
    return {};
  }

  // The same on a given driver. EPERM when that driver may not execute tasks.
  template <typename Callable>
  Result<void> spawn_on(Executor& target, Callable&& callable,
                        Priority priority = Priority::normal) {
    if (!target.executes())
      return fail(EPERM, "an io driver runs no tasks: spawn on an exec or both driver");
    auto* child =
        SpawnedCallable<std::decay_t<Callable>>::make(std::forward<Callable>(callable), priority);
    if (child == nullptr)
      return fail(ENOMEM, "the heap's quota is exhausted: the task was not spawned");
    add(*child);
    child->launch(target);
    return {};
  }

  // Asks all children to stop, and those that are spawned later.
  void request_stop();

  // `co_await scope.join()`: until no child is left. Called by with_scope() at the end; calling it
  // earlier waits for the children so far. Does not throw: see rethrow_first().
  auto join() { return Join{this}; }

  // Throws the exception of the child that failed first, once.
  void rethrow_first() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  friend class Spawned;

  struct Join {
    Scope* scope;
    bool await_ready() const noexcept { return scope->first_child_ == nullptr; }
    void await_suspend(std::coroutine_handle<> joiner) noexcept { scope->joiner_.handle = joiner; }
    void await_resume() noexcept { scope->joiner_.handle = nullptr; }
  };

  void add(Spawned& child);
  // From the driver on which the child ended; the scope's own, or another.
  std::coroutine_handle<> child_ended(Spawned& child);
  void collect(Spawned& child);
  void release(Spawned& child);
  void stop_child(Spawned& child);
  static void owner_stopped(StopCallback* callback) {
    static_cast<Scope*>(callback)->request_stop();
  }
  static void report(Work* work);
  static void deliver_stop(Work* work);
  static void return_stop(Work* work);
  [[nodiscard]] Executor* home() const {
    // Acquire pairs with the release with which the owner's tree was given to this driver.
    return context_.root->home.load(std::memory_order_acquire);
  }

  Context& context_;
  Spawned* first_child_ = nullptr;
  std::exception_ptr error_;
  bool stopped_ = false;
  Resumption joiner_;
};

// Runs `body(scope)`, then waits for everything that it spawned. An exception of the body or of a
// child asks the other children to stop and is thrown here after all have ended; the body's goes
// first.
template <typename Body>
Task<void> with_scope(Body body) {
  Scope scope(co_await current_context());
  std::exception_ptr error;
  try {
    co_await body(scope);
  } catch (...) {
    error = std::current_exception();
    scope.request_stop();
  }
  co_await scope.join();
  if (error) std::rethrow_exception(error);
  scope.rethrow_first();
}

// The T of the Task<T> that a callable returns.
template <typename Callable>
using TaskValue = decltype(std::declval<Callable&>()().take());

// Runs the task that `callable` returns on another driver and yields its value here; exceptions
// too. ENOMEM and EPERM as from Scope::spawn_on.
template <typename Callable>
Task<Result<TaskValue<Callable>>> call_on(Executor& target, Callable callable) {
  using Value = TaskValue<Callable>;
  if constexpr (std::is_void_v<Value>) {
    Result<void> spawned;
    co_await with_scope([&](Scope& scope) -> Task<void> {
      spawned = scope.spawn_on(target, [&]() -> Task<void> { co_await callable(); });
      co_return;
    });
    co_return spawned;
  } else {
    std::optional<Value> value;
    Result<void> spawned;
    co_await with_scope([&](Scope& scope) -> Task<void> {
      spawned = scope.spawn_on(target, [&]() -> Task<void> { value.emplace(co_await callable()); });
      co_return;
    });
    if (!spawned) co_return Error(spawned.error());
    co_return std::move(*value);
  }
}

// Spawns a task that nobody joins. It is asked to stop when the runtime drains; an exception that
// leaves it is counted and reported. Errors as Scope::spawn.
template <typename Callable>
Result<void> spawn_detached_on(Executor& target, Callable&& callable,
                               Priority priority = Priority::normal) {
  if (!target.executes())
    return fail(EPERM, "an io driver runs no tasks: spawn on an exec or both driver");
  auto* task =
      SpawnedCallable<std::decay_t<Callable>>::make(std::forward<Callable>(callable), priority);
  if (task == nullptr)
    return fail(ENOMEM, "the heap's quota is exhausted: the task was not spawned");
  task->detached = true;
  task->launch(target);
  return {};
}

template <typename Callable>
Result<void> spawn_detached(Callable&& callable, Hints hints = {}) {
  auto made = make_placed(std::forward<Callable>(callable), hints);
  if (!made) return Error(made.error());
  made->child->detached = true;
  made->child->launch(*made->target);
  return {};
}

}  // namespace gatio
