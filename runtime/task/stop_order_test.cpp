// Requests to stop that travel between executors, against ends, hops and joins, in every order in
// which the executors take their next steps, and with interruptions around each message: each task
// ends once and where it lives, its joiner goes on once, and nothing is left behind. That nothing
// is touched after its end is AddressSanitizer's to see.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "runtime/base/testing.hpp"
#include "runtime/task/testing.hpp"

namespace gatio {
namespace {

struct Race {
  explicit Race(size_t executors) : world(executors) {}
  TestExecutor& operator[](size_t index) { return world[index]; }
  // The running task has ended: on the executor where it should.
  void end(size_t where) {
    ++ended;
    EXPECT_EQ(Executor::current(), &world[where]) << "a task runs where it does not live";
  }

  TestWorld world;
  int ended = 0;
  int joined = 0;
  bool finished = false;  // the owner of it all has ended
  size_t executors_ended = 0;
};

using Body = std::function<Task<void>(Race&)>;

// Runs `body` on the first executor. `tasks` must have ended after it.
size_t explore(size_t executors, size_t most_preemptions, int tasks, const Body& body) {
  std::unique_ptr<Race> race;
  EveryOrder orders;
  orders.points = "executor: ";
  orders.most_preemptions = most_preemptions;
  orders.before_step = [&](size_t actor) { (*race)[actor].enter(); };
  // Those that have nothing to do any more end one after the other: their order decides nothing.
  orders.may_begin = [&](size_t self) {
    return !(*race)[self].idle() || (race->finished && race->executors_ended == self);
  };
  auto live = [&](size_t self) {
    TestExecutor& executor = (*race)[self];
    while (!executor.idle()) {
      executor.step(executor.has_both() && orders.choose(2) == 0);
      orders.wait_until([&, self] { return orders.may_begin(self); });
    }
    ++race->executors_ended;
  };
  auto make = [&] {
    race.reset();
    race = std::make_unique<Race>(executors);
    Result<void> spawned = spawn_detached_on((*race)[0], [&]() -> Task<void> {
      co_await body(*race);
      race->finished = true;
    });
    EXPECT_TRUE(spawned);
    std::vector<EveryOrder::Actor> actors;
    for (size_t i = 0; i < executors; ++i) actors.push_back([&live, i] { live(i); });
    return actors;
  };
  auto check = [&](bool stuck) {
    EXPECT_FALSE(stuck) << "a task was never resumed";
    EXPECT_EQ(race->ended, tasks);
    EXPECT_EQ(race->joined, 1);
    for (size_t i = 0; i < executors; ++i) {
      EXPECT_TRUE((*race)[i].idle()) << "executor " << i << " is left with work";
      EXPECT_EQ((*race)[i].trees, 0);
    }
    EXPECT_EQ(race->world.heap.live_blocks(), 0u);
    return !testing::Test::HasFailure();
  };
  size_t count = orders.explore(make, check);
  testing::Test::RecordProperty("orders", std::to_string(count));
  return count;
}

TEST(StopOrder, AgainstTheEndOfAChild) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = explore(2, SIZE_MAX, 1, [](Race& race) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(race[1], [&]() -> Task<void> {
        co_await TestYield();
        race.end(1);
      }));
      co_await TestYield();
      scope.request_stop();
    });
    ++race.joined;
  });
  EXPECT_GT(orders, 100u);
}

TEST(StopOrder, AgainstTheEndsOfChildrenOnTwoExecutors) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = explore(3, 0, 2, [](Race& race) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (size_t where : {1, 2}) {
        EXPECT_TRUE(scope.spawn_on(race[where], [&race, where]() -> Task<void> {
          if (where == 2) co_await UntilStopped();
          race.end(where);
        }));
      }
      scope.request_stop();
      co_return;
    });
    ++race.joined;
  });
  EXPECT_GT(orders, 1000u);
}

TEST(StopOrder, AgainstAChildThatHopsToAThirdExecutor) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = explore(3, 2, 1, [](Race& race) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(race[1], [&]() -> Task<void> {
        co_await TestHop(race[2]);
        co_await UntilStopped();
        race.end(2);
      }));
      scope.request_stop();
      co_return;
    });
    ++race.joined;
  });
  EXPECT_GT(orders, 1000u);
}

TEST(StopOrder, AgainstAChildThatHopsToItsOwnersExecutorAndEnds) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = explore(2, SIZE_MAX, 1, [](Race& race) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(race[1], [&]() -> Task<void> {
        co_await TestHop(race[0]);
        race.end(0);
      }));
      co_await TestYield();
      scope.request_stop();
    });
    ++race.joined;
  });
  EXPECT_GT(orders, 100u);
}

TEST(StopOrder, WhileTheChildsOwnChildrenStop) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = explore(3, 1, 2, [](Race& race) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(race[1], [&]() -> Task<void> {
        co_await with_scope([&](Scope& inner) -> Task<void> {
          EXPECT_TRUE(inner.spawn_on(race[2], [&]() -> Task<void> {
            co_await UntilStopped();
            race.end(2);
          }));
          co_return;
        });
        race.end(1);
      }));
      scope.request_stop();
      co_return;
    });
    ++race.joined;
  });
  EXPECT_GT(orders, 1000u);
}

// A child that fails asks the other to stop, while the owner waits in join() or is about to.
TEST(StopOrder, AgainstAJoinWhoseChildFails) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = explore(3, 2, 2, [](Race& race) -> Task<void> {
    bool thrown = false;
    try {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        EXPECT_TRUE(scope.spawn_on(race[1], [&]() -> Task<void> {
          race.end(1);
          throw 1;
          co_return;
        }));
        EXPECT_TRUE(scope.spawn_on(race[2], [&]() -> Task<void> {
          co_await UntilStopped();
          race.end(2);
        }));
        co_await scope.join();
      });
    } catch (int) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    ++race.joined;
  });
  EXPECT_GT(orders, 1000u);
}

TEST(StopOrder, OfAnOwnerThatHopsOnWhileItsChildEnds) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = explore(3, 1, 1, [](Race& race) -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(race[1], [&]() -> Task<void> {
        race.end(1);
        co_return;
      }));
      scope.request_stop();
      co_await TestHop(race[2]);
    });
    EXPECT_EQ(Executor::current(), &race[2]);
    ++race.joined;
  });
  EXPECT_GT(orders, 1000u);
}

}  // namespace
}  // namespace gatio
