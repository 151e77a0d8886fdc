// A spawned task: the callable, the task that it made, and the record by which its scope joins or
// stops it. The record lies in the heap of the driver that spawned it and travels as a message: to
// the driver that runs the task, and back to the scope when it has ended. It is touched by one
// driver at a time: the sender until it is posted, then the receiver; only Root::home is read by
// others.
#pragma once

#include <coroutine>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "runtime/memory/pool.hpp"
#include "runtime/task/executor.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

class Scope;

class Spawned : public Work, public Root {
 public:
  // Starts on `target`: in a later step of this turn if that is the running driver, else by
  // message.
  void launch(Executor& target);

  Scope* scope = nullptr;  // null: detached
  Spawned* previous_sibling = nullptr;
  Spawned* next_sibling = nullptr;
  std::exception_ptr error;  // of the task that has ended

  // A request to stop, on its way to the task's driver and back. Owned by the scope.
  struct StopMessage : Work {
    explicit StopMessage(Spawned* its_child) : child(its_child) {}
    Spawned* child;
    bool in_flight = false;
  } stop_message{this};
  bool ended =
      false;  // written by the task's last driver; read there, and by the scope once reported
  bool reported = false;  // the scope knows that it has ended; the scope's driver only

  virtual void destroy() = 0;  // gives the record back

 protected:
  explicit Spawned(Priority its_priority) : Root(&task_ended, &abandon_tree, its_priority) {}
  virtual ~Spawned() = default;
  virtual std::coroutine_handle<> make_task() = 0;  // calls the callable; throws what it throws
  virtual std::exception_ptr drop_task() = 0;       // destroys the frame; its exception, if any

 private:
  static void arrive(Work* work);
  static void start(Work* work);
  static std::coroutine_handle<> task_ended(Completer* completer);
  static void abandon_tree(Root* root);
  std::coroutine_handle<> end(std::exception_ptr its_error);
};

// Spawned with its callable, which returns a Task<void> and lives as long as the task: a lambda's
// captures may be used by the coroutine that it is.
template <typename Callable>
class SpawnedCallable final : public Spawned {
 public:
  // nullptr when the heap's quota is exhausted.
  template <typename C>
  static SpawnedCallable* make(C&& callable, Priority priority) {
    void* memory = Pool::current()->allocate(sizeof(SpawnedCallable));
    if (memory == nullptr) return nullptr;
    return new (memory) SpawnedCallable(std::forward<C>(callable), priority);
  }

  void destroy() override {
    this->~SpawnedCallable();
    Pool::free(this);
  }

 private:
  template <typename C>
  SpawnedCallable(C&& callable, Priority priority)
      : Spawned(priority), callable_(std::forward<C>(callable)) {}

  std::coroutine_handle<> make_task() override {
    task_ = callable_();
    return task_.prepare(context, *this);
  }
  std::exception_ptr drop_task() override {
    std::exception_ptr its_error = task_ ? task_.error() : nullptr;
    task_.reset();
    return its_error;
  }

  Callable callable_;
  Task<void> task_;
};

}  // namespace gatio
