// What tests of memory order share: EveryOrder runs some functions as coroutines that give way at
// each sync point, once for every order of their steps. Owned by the test, on the test's thread; it
// owns the sync points' hook while it explores. For *_test.cpp only.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/assert.hpp"
#include "runtime/base/sync_point.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GATIO_TEST_NO_CONTEXTS
#endif
#if __has_feature(address_sanitizer)
#define GATIO_TEST_TELLS_STACKS
#include <sanitizer/common_interface_defs.h>
#endif
#endif

namespace gatio {

class EveryOrder {
 public:
  using Actor = std::function<void()>;

  // Only sync points whose name begins with this are steps.
  std::string_view points;
  // Called before each step with the actor's number: sets what its thread would have of its own.
  std::function<void(size_t actor)> before_step;
  // If set, an actor begins only when this says so; else all may begin at once, in any order.
  std::function<bool(size_t actor)> may_begin;
  // So often in one run others go on although the actor at a sync point could: all orders with no
  // more than that are tried. Where an actor waits by itself, all orders are tried in any case.
  size_t most_preemptions = SIZE_MAX;

  // `make` prepares a fresh run and returns its actors; `check` is called after each run and says
  // whether to go on. Returns how many orders there were.
  size_t explore(const std::function<std::vector<Actor>()>& make,
                 const std::function<bool(bool stuck)>& check) {
    size_t runs = 0;
    current_ = this;
    choices_.clear();
    do {
      actors_ = make();
      sync_point_hook = &at_point;
      bool stuck = run_once();
      sync_point_hook = nullptr;
      ++runs;
      if (!check(stuck)) break;
    } while (next_order());
    return runs;
  }

  // For an actor: lets others go on, and is not run again before `ready()`.
  void wait_until(std::function<bool()> ready) {
    blocked_[running_] = std::move(ready);
    waits_ = true;
    give_way();
    blocked_[running_] = nullptr;
  }

  // One of 0 to `of` - 1: each in a run of its own.
  size_t choose(size_t of) {
    if (step_ == choices_.size()) choices_.push_back({0, of});
    // Anything else means that the actors do not depend on the choices alone.
    GATIO_ASSERT(choices_[step_].of == of);
    return choices_[step_++].taken;
  }

 private:
  static constexpr size_t kStackBytes = 256 << 10;

  static void at_point(const char* where) {
    if (std::string_view(where).starts_with(current_->points)) current_->give_way();
  }
  void give_way() { switch_stack(contexts_[running_], main_, main_stack_, main_stack_bytes_); }
  // A context outlives its run: to make one anew costs AddressSanitizer more than a run does.
  static void enter() {
    EveryOrder* all = current_;
    all->arrived(nullptr, &all->main_stack_, &all->main_stack_bytes_);
    while (true) {
      size_t self = all->running_;
      all->blocked_[self] = nullptr;
      all->actors_[self]();
      all->ended_[self] = true;
      all->give_way();
    }
  }

  // AddressSanitizer is told which stack comes next.
  static void switch_stack(ucontext_t& from, ucontext_t& to, [[maybe_unused]] const void* stack,
                           [[maybe_unused]] size_t bytes) {
    [[maybe_unused]] void* fake = nullptr;
#ifdef GATIO_TEST_TELLS_STACKS
    __sanitizer_start_switch_fiber(&fake, stack, bytes);
#endif
    swapcontext(&from, &to);
    arrived(fake, nullptr, nullptr);
  }
  static void arrived([[maybe_unused]] void* fake, [[maybe_unused]] const void** old_stack,
                      [[maybe_unused]] size_t* old_bytes) {
#ifdef GATIO_TEST_TELLS_STACKS
    __sanitizer_finish_switch_fiber(fake, old_stack, old_bytes);
#endif
  }

  void prepare() {
    size_t count = actors_.size();
    ended_.assign(count, false);
    blocked_.assign(count, nullptr);
    for (size_t i = 0; may_begin && i < count; ++i)
      blocked_[i] = [this, i] { return may_begin(i); };
    while (contexts_.size() < count) {
      stacks_.push_back(std::make_unique<char[]>(kStackBytes));
      ucontext_t& context = contexts_.emplace_back();
      getcontext(&context);
      context.uc_stack.ss_sp = stacks_.back().get();
      context.uc_stack.ss_size = kStackBytes;
      context.uc_link = nullptr;
      makecontext(&context, &enter, 0);
    }
  }

  // Whether somebody was left that could not go on.
  bool run_once() {
    prepare();
    step_ = 0;
    waits_ = true;
    size_t preemptions = 0;
    std::vector<size_t> able;
    while (true) {
      // The one that was interrupted comes first, so that to go on is the first choice.
      able.clear();
      bool interrupted = !waits_ && !ended_[running_];
      if (interrupted) able.push_back(running_);
      for (size_t i = 0; i < actors_.size(); ++i) {
        if (interrupted && (i == running_ || preemptions == most_preemptions)) continue;
        if (!ended_[i] && (!blocked_[i] || blocked_[i]())) able.push_back(i);
      }
      if (able.empty()) break;
      size_t taken = able.size() == 1 ? 0 : choose(able.size());
      if (interrupted && taken > 0) ++preemptions;
      running_ = able[taken];
      waits_ = false;
      if (before_step) before_step(running_);
      switch_stack(main_, contexts_[running_], stacks_[running_].get(), kStackBytes);
    }
    for (bool each : ended_) {
      if (each) continue;
      contexts_.clear();  // the next run does not go on in the midst of this one
      stacks_.clear();
      return true;
    }
    return false;
  }

  bool next_order() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().of)
      choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  struct Choice {
    size_t taken;
    size_t of;
  };
  static inline EveryOrder* current_ = nullptr;
  std::vector<Actor> actors_;
  std::deque<ucontext_t> contexts_;  // a context has pointers into itself
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::vector<bool> ended_;
  std::vector<std::function<bool()>> blocked_;
  std::vector<Choice> choices_;
  size_t step_ = 0;
  ucontext_t main_{};
  const void* main_stack_ = nullptr;
  size_t main_stack_bytes_ = 0;
  size_t running_ = 0;
  bool waits_ = false;  // the running actor gave way by itself
};

}  // namespace gatio

// At the start of a test that explores.
#ifdef GATIO_TEST_NO_CONTEXTS
#define GATIO_NEEDS_CONTEXTS() \
  GTEST_SKIP() << "ThreadSanitizer does not follow swapcontext; the test has one thread only"
#else
#define GATIO_NEEDS_CONTEXTS() static_cast<void>(0)
#endif
