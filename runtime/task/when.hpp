// Several tasks at once on the driver of the task that awaits them: when_all waits for each,
// when_any for the first. The branches belong to the awaiting frame and have all ended when it goes
// on, also after an exception: no branch outlives its parent. A branch must not hop to another
// driver.
#pragma once

#include <array>
#include <coroutine>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

#include "runtime/task/stop.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

// The value that a branch of type void contributes.
using Unit = std::monostate;
template <typename T>
using UnitIfVoid = std::conditional_t<std::is_void_v<T>, Unit, T>;

namespace detail {

template <typename T>
UnitIfVoid<T> take_value(Task<T>& task) {
  if constexpr (std::is_void_v<T>) {
    task.take();
    return Unit{};
  } else {
    return task.take();
  }
}

// Starts the branches and resumes the awaiting frame once the last has ended. `first` is the branch
// that ended first; with `stop_on_first` (or after an exception) the others are asked to stop then.
template <typename... T>
class Branches {
 public:
  Branches(bool stop_on_first, Task<T>&&... tasks)
      : tasks_(std::move(tasks)...), stop_on_first_(stop_on_first) {}

  bool await_ready() const noexcept { return false; }

  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) {
    awaiting_ = awaiting;
    Context& outer = *awaiting.promise().context;
    stop_.emplace(*outer.stop);
    context_ = Context{outer.root, &*stop_, true};
    // One more than there are branches: none that ends at once resumes the parent before all have
    // started.
    running_ = sizeof...(T) + 1;
    start_all(std::index_sequence_for<T...>{});
    if (--running_ > 0) return std::noop_coroutine();
    return awaiting;
  }

 protected:
  struct Branch : Completer {
    Branch() : Completer(&ended) {}
    Branches* all = nullptr;
    size_t index = 0;
    static std::coroutine_handle<> ended(Completer* completer) {
      auto* branch = static_cast<Branch*>(completer);
      return branch->all->branch_ended(branch->index);
    }
  };

  template <size_t... I>
  void start_all(std::index_sequence<I...>) {
    (start(std::get<I>(tasks_), I), ...);
  }

  template <typename Each>
  void start(Task<Each>& task, size_t index) {
    branches_[index].all = this;
    branches_[index].index = index;
    if (!task) {  // Its frame could not be allocated: the branch ends at once, with std::bad_alloc.
      note_end(index);
      return;
    }
    task.prepare(context_, branches_[index]).resume();
  }

  void note_end(size_t index) {
    --running_;
    bool has_failed = failed(index);
    if (!first_) first_ = index;
    if (has_failed && !first_failed_) first_failed_ = index;
    if (stop_on_first_ || has_failed) stop_->request_stop();
  }

  std::coroutine_handle<> branch_ended(size_t index) {
    note_end(index);
    return running_ == 0 ? awaiting_ : std::coroutine_handle<>(std::noop_coroutine());
  }

  bool failed(size_t index) {
    bool result = false;
    size_t at = 0;
    std::apply(
        [&](auto&... task) {
          ((at++ == index ? void(result = !task || task.error()) : void()), ...);
        },
        tasks_);
    return result;
  }

  std::tuple<Task<T>...> tasks_;
  const bool stop_on_first_;
  std::array<Branch, sizeof...(T)> branches_;
  std::optional<NarrowStop> stop_;
  Context context_;
  std::coroutine_handle<> awaiting_;
  size_t running_ = 0;
  std::optional<size_t> first_;
  std::optional<size_t> first_failed_;

 public:
  // Throws the exception of the branch that ended first among those that failed, if any did.
  void rethrow_first_failure() {
    if (first_failed_) rethrow(*first_failed_);
  }
  void rethrow(size_t index) {
    size_t at = 0;
    std::apply(
        [&](auto&... task) {
          ((at++ == index ? void(task ? void(take_value(task)) : throw std::bad_alloc()) : void()),
           ...);
        },
        tasks_);
  }
};

}  // namespace detail

// Runs all tasks at once; yields a tuple of their values (Unit for void). After an exception the
// others are asked to stop, and it is thrown here once they all have ended.
template <typename... T>
Task<std::tuple<UnitIfVoid<T>...>> when_all(Task<T>... tasks) {
  struct All : detail::Branches<T...> {
    using detail::Branches<T...>::Branches;
    std::tuple<UnitIfVoid<T>...> await_resume() {
      this->rethrow_first_failure();
      return std::apply(
          [](auto&... task) { return std::tuple<UnitIfVoid<T>...>{detail::take_value(task)...}; },
          this->tasks_);
    }
  };
  co_return co_await All(false, std::move(tasks)...);
}

// What when_any yields: which branch ended first, and its value at that position of the variant.
template <typename... T>
struct AnyOf {
  size_t index = 0;
  std::variant<UnitIfVoid<T>...> value;
};

namespace detail {

template <typename... T>
struct Any : Branches<T...> {
  using Branches<T...>::Branches;
  AnyOf<T...> await_resume() { return pick(std::index_sequence_for<T...>{}); }

  template <size_t... I>
  AnyOf<T...> pick(std::index_sequence<I...>) {
    size_t first = *this->first_;
    if (this->failed(first)) this->rethrow(first);
    std::optional<std::variant<UnitIfVoid<T>...>> value;
    ((I == first
          ? void(value.emplace(std::in_place_index<I>, take_value(std::get<I>(this->tasks_))))
          : void()),
     ...);
    return AnyOf<T...>{first, std::move(*value)};
  }
};

}  // namespace detail

// Runs all tasks at once until the first ends; the others are asked to stop, and are waited for. An
// exception of the first is thrown here; those of the others are dropped with their values.
template <typename... T>
Task<AnyOf<T...>> when_any(Task<T>... tasks) {
  static_assert(sizeof...(T) > 0);
  co_return co_await detail::Any<T...>(true, std::move(tasks)...);
}

}  // namespace gatio
