// What tests of tasks share: executors without a ring or a thread, which a test steps by hand or in
// an order drawn from a seed, and a few things to await. Owned by the test, on the test's thread.
// For *_test.cpp only.
#pragma once

#include <memory>
#include <vector>

#include "runtime/base/intrusive_queue.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/base/sync_point.hpp"
#include "runtime/memory/test_map_kernel.hpp"
#include "runtime/task/scope.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

class TestExecutor final : public Executor {
 public:
  explicit TestExecutor(Heap& heap, bool executes = true) : Executor(executes), pool_(heap) {}

  // A point on either side: the message is for somebody else as soon as it has been pushed, and the
  // address may be out of date by the time it is.
  void post(Work& message) override {
    sync_point("executor: post");
    mail_.push(&message);
    sync_point("executor: posted");
  }
  void enqueue(Work& work, Priority) override {
    GATIO_ASSERT(current() == this);
    ready_.push(&work);
  }
  Result<Executor*> place(const Hints&) override {
    ++asked_for_place;
    if (place_on == nullptr) return fail(EPERM);
    return place_on;
  }
  void attach(Root& root) override {
    GATIO_ASSERT(current() == this && root.home == this);
    ++trees;
  }
  void detach(Root& root) override {
    GATIO_ASSERT(current() == this && root.home == this);
    --trees;
  }
  void uncaught(std::exception_ptr) override { ++uncaught_count; }

  // Makes this thread the executor's.
  void enter() {
    set_current(this);
    Pool::set_current(&pool_);
  }
  [[nodiscard]] bool idle() const { return mail_.empty() && ready_.empty(); }
  // Whether step() has a choice.
  [[nodiscard]] bool has_both() const { return !mail_.empty() && !ready_.empty(); }
  // Takes one message, or runs one piece of work.
  void step(bool mail_first) {
    enter();
    IntrusiveQueue<Work>& queue = (mail_first && !mail_.empty()) || ready_.empty() ? mail_ : ready_;
    if (Work* work = queue.pop()) work->run(work);
    pool_.drain_remote();
  }

  Executor* place_on = this;
  int asked_for_place = 0;
  int trees = 0;
  int uncaught_count = 0;

 private:
  Pool pool_;
  IntrusiveQueue<Work> mail_;
  IntrusiveQueue<Work> ready_;
};

// Some executors of one heap. run() steps them in an order drawn from the seed until all are idle.
class TestWorld {
 public:
  explicit TestWorld(size_t executors = 1, uint64_t seed = 1, size_t quota_bytes = size_t{1} << 30)
      : heap(kernel, -1, quota_bytes), prng_(seed) {
    for (size_t i = 0; i < executors; ++i)
      executors_.push_back(std::make_unique<TestExecutor>(heap));
    (*this)[0].enter();
  }
  ~TestWorld() {
    Executor::set_current(nullptr);
    Pool::set_current(nullptr);
  }

  TestExecutor& operator[](size_t index) { return *executors_[index]; }

  void run() {
    std::vector<TestExecutor*> busy;
    while (true) {
      busy.clear();
      for (auto& each : executors_) {
        if (!each->idle()) busy.push_back(each.get());
      }
      if (busy.empty()) break;
      uint64_t choice = prng_.next();
      busy[choice % busy.size()]->step(((choice >> 32) & 1) != 0);
    }
    (*this)[0].enter();
  }
  // Runs `callable` as a detached task of the first executor, and all that comes of it.
  template <typename Callable>
  Result<void> run(Callable&& callable) {
    (*this)[0].enter();
    Result<void> spawned = spawn_detached_on((*this)[0], std::forward<Callable>(callable));
    run();
    return spawned;
  }

  MapKernel kernel;
  Heap heap;

 private:
  std::vector<std::unique_ptr<TestExecutor>> executors_;
  Prng prng_;
};

// Lets the others go first.
struct TestYield : Resumption {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) {
    handle = frame;
    Executor::current()->enqueue(*this, Priority::normal);
  }
  void await_resume() const noexcept {}
};

// Waits until the task is asked to stop.
struct UntilStopped : private Resumption, private StopCallback {
  UntilStopped() : StopCallback(&stopped) {}
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> frame) {
    StopSource& stop = *frame.promise().context->stop;
    if (stop.stop_requested()) return false;
    handle = frame;
    StopCallback::join(stop);
    return true;
  }
  void await_resume() const noexcept {}

 private:
  static void stopped(StopCallback* callback) {
    Executor::current()->enqueue(*static_cast<UntilStopped*>(callback), Priority::normal);
  }
};

// Moves the task to another executor, as a driver's hop_to() does.
struct TestHop : private Resumption {
  explicit TestHop(TestExecutor& its_target) : target(its_target) {}
  bool await_ready() const noexcept { return Executor::current() == &target; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> frame) {
    handle = frame;
    root = frame.promise().context->root;
    Executor::current()->detach(*root);
    run = &arrive;
    TestExecutor& its_target = target;
    root->home.store(&its_target, std::memory_order_release);
    its_target.post(*this);
  }
  void await_resume() const noexcept {}

 private:
  static void arrive(Work* work) {
    auto* self = static_cast<TestHop*>(work);
    Executor::current()->attach(*self->root);
    self->run = &Resumption::resume;
    Executor::current()->enqueue(*self, Priority::normal);
  }
  TestExecutor& target;
  Root* root = nullptr;
};

}  // namespace gatio
