// An operation that travels to another driver, ends there and is cancelled, in every order of the
// steps of both drivers and of the kernel: it has one outcome, its task goes on once and never
// before the operation has left the kernel and the request to cancel is back, and the operation
// that follows at the same address is not hit by a cancel that comes late.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "runtime/base/testing.hpp"
#include "runtime/driver/operation.hpp"
#include "runtime/driver/test_operation_kernel.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/task/scope.hpp"

namespace gatio {
namespace {

constexpr size_t kHeapBytes = 8 << 20;

// The drivers; the last one does the I/O. One driver is both.
struct Race {
  explicit Race(size_t count) {
    for (unsigned i = 0; i < count; ++i) {
      config::Role role = count == 1 ? config::Role::both
                          : i == 0   ? config::Role::exec
                                     : config::Role::io;
      drivers.push_back(std::make_unique<Driver>(
          kernel, heap,
          DriverOptions{.role = role, .index = i, .ring = {.sq_entries = 16, .cq_entries = 32}}));
    }
    for (auto& each : drivers) {
      each->set_peers(nullptr, drivers.back().get(), count > 1);
      each->enter_thread();
      EXPECT_TRUE(each->open());
      Driver::leave_thread();
    }
  }
  Driver& home() { return *drivers.front(); }
  // Every driver takes its last turn.
  void finish() {
    finishes = std::vector<Finish>(drivers.size());
    for (size_t i = drivers.size(); i-- > 0;) {
      finishes[i].ended = &ended[i];
      if (i == 0) home().post_to_self(finishes[i]);
      if (i > 0) drivers[i]->post(finishes[i]);
    }
  }

  struct Finish : Work {
    Finish() : Work(&arrive) {}
    static void arrive(Work* work) {
      Driver::current()->finish();
      *static_cast<Finish*>(work)->ended = true;
    }
    bool* ended = nullptr;
  };
  OperationKernel kernel;
  Heap heap{kernel, -1, kHeapBytes};
  std::vector<std::unique_ptr<Driver>> drivers;
  std::vector<Finish> finishes;
  std::array<bool, 2> ended{};  // by driver: its last turn has begun
  unsigned begun = 0;
  unsigned resumed = 0;
  int first = 0;  // the results of the two operations
  int second = 0;
};

// A task goes on in the next turn of its driver.
struct NextTurn : Work {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> its_frame) {
    frame = its_frame;
    run = [](Work* work) {
      work->run = [](Work* again) {
        if (Driver::current()->begin_resumption()) static_cast<NextTurn*>(again)->frame.resume();
      };
      Driver::current()->enqueue(*work, Priority::normal);
    };
    Driver::current()->post_to_self(*this);
  }
  void await_resume() const noexcept {}
  std::coroutine_handle<> frame;
};

// Both of its kind lie in frames of one size, so that the second is where the first was.
Task<void> operate(Race& race, int& result) {
  ++race.begun;
  Result<int> ended = co_await SimpleOperation([](io_uring_sqe* sqe) { io_uring_prep_nop(sqe); });
  EXPECT_FALSE(race.kernel.in_flight()) << "the task goes on before its operation has ended";
  EXPECT_EQ(Driver::current(), &race.home());
  ++race.resumed;
  result = ended ? *ended : -ended.error().code;
}

struct Counts {
  size_t orders = 0;
  size_t done = 0;       // the first operation ended by itself
  size_t cancelled = 0;  // it was cancelled
  size_t late = 0;       // the cancel found nothing
};

// `ends`: the first operation ends by itself at any time, else only when it is cancelled.
class Exploration {
 public:
  Exploration(size_t drivers, bool ends) : drivers_(drivers), ends_(ends) {
    orders_.before_step = [this](size_t actor) {
      Driver::leave_thread();
      if (actor < drivers_) race_->drivers[actor]->enter_thread();
    };
  }
  Counts run(size_t most_preemptions) {
    orders_.most_preemptions = most_preemptions;
    counts_.orders = orders_.explore([this] { return make(); },
                                     [this](bool stuck) {
                                       Driver::leave_thread();
                                       check(stuck);
                                       return !testing::Test::HasFailure();
                                     });
    testing::Test::RecordProperty("orders", std::to_string(counts_.orders));
    return counts_;
  }

 private:
  std::vector<EveryOrder::Actor> make() {
    race_.reset();
    race_ = std::make_unique<Race>(drivers_);
    race_->kernel.sleep = [this](std::function<bool()> ready) {
      orders_.wait_until(std::move(ready));
    };
    std::vector<EveryOrder::Actor> actors;
    for (size_t i = 0; i < drivers_; ++i) actors.push_back([this, i] { live(i); });
    actors.push_back([this] { deliver(); });
    return actors;
  }
  void live(size_t self) {
    Driver& driver = *race_->drivers[self];
    if (self == 0) {
      EXPECT_TRUE(spawn_detached_on(driver, [this] { return program(); }));
    }
    while (!race_->ended[self] || driver.has_unsent()) {
      sync_point("a turn");
      driver.turn();
    }
  }
  Task<void> program() {
    co_await with_scope([this](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(race_->home(), [this] { return operate(*race_, race_->first); }));
      for (size_t turns = orders_.choose(3); turns > 0; --turns) co_await NextTurn();
      scope.request_stop();
    });
    co_await with_scope([this](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(race_->home(), [this] { return operate(*race_, race_->second); }));
      co_return;
    });
    race_->finish();
  }
  // The kernel brings the end of the first operation, if there is one, and of the second.
  void deliver() {
    while (!race_->ended[0]) {
      orders_.wait_until([this] {
        bool may_end = ends_ || race_->first != 0 || race_->kernel.cancelled();
        return (race_->kernel.in_flight() && may_end) || race_->ended[0];
      });
      if (race_->kernel.in_flight()) race_->kernel.deliver();
    }
  }
  void check(bool stuck) {
    EXPECT_FALSE(stuck) << "a task was never resumed";
    EXPECT_EQ(race_->begun, 2u);
    EXPECT_EQ(race_->resumed, race_->begun);
    EXPECT_TRUE(race_->first == OperationKernel::kResult || race_->first == -ECANCELED);
    EXPECT_EQ(race_->second, OperationKernel::kResult) << "the cancel of the first hit the second";
    EXPECT_FALSE(race_->kernel.in_flight());
    for (auto& each : race_->drivers) {
      EXPECT_EQ(each->operations_in_flight, 0u);
      EXPECT_FALSE(each->has_tasks());
    }
    EXPECT_EQ(race_->heap.live_blocks(), 0u);
    counts_.done += race_->first == OperationKernel::kResult ? 1 : 0;
    counts_.cancelled += race_->first == -ECANCELED ? 1 : 0;
    counts_.late += race_->kernel.missed_cancels > 0 ? 1 : 0;
  }

  const size_t drivers_;
  const bool ends_;
  EveryOrder orders_;
  std::unique_ptr<Race> race_;
  Counts counts_;
};

Counts explore(size_t drivers, bool ends, size_t most_preemptions) {
  return Exploration(drivers, ends).run(most_preemptions);
}

TEST(OperationOrder, OfAnOperationThatEndsAgainstItsCancel) {
  GATIO_NEEDS_CONTEXTS();
  Counts counts = explore(2, true, 2);
  EXPECT_GT(counts.orders, 1000u);
  EXPECT_GT(counts.done, 0u);
  EXPECT_GT(counts.cancelled, 0u);
  EXPECT_GT(counts.late, 0u);
}

TEST(OperationOrder, OfAnOperationThatOnlyACancelEnds) {
  GATIO_NEEDS_CONTEXTS();
  Counts counts = explore(2, false, 2);
  EXPECT_GT(counts.orders, 1000u);
  EXPECT_EQ(counts.done, 0u);
}

TEST(OperationOrder, OnADriverThatDoesItsOwnIo) {
  GATIO_NEEDS_CONTEXTS();
  Counts counts = explore(1, true, SIZE_MAX);
  EXPECT_GT(counts.done, 0u);
  EXPECT_GT(counts.cancelled, 0u);
}

}  // namespace
}  // namespace gatio
