#include "runtime/task/scope.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "runtime/task/testing.hpp"
#include "runtime/task/when.hpp"

namespace gatio {
namespace {

// Each test runs under many orders of the executors' steps: what holds must hold in all of them.
constexpr uint64_t kSeeds = 300;

template <typename Test>
void in_every_order(size_t executors, Test&& test) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TestWorld world(executors, seed);
    test(world);
    EXPECT_EQ(world.heap.live_blocks(), 0u);
    for (size_t i = 0; i < executors; ++i) EXPECT_EQ(world[i].trees, 0);
    if (testing::Test::HasFailure()) return;
  }
}

Task<void> yield_often(int times) {
  for (int i = 0; i < times; ++i) co_await TestYield();
}

TEST(Scope, EndsOnlyWhenAllItsChildrenHave) {
  in_every_order(3, [](TestWorld& world) {
    int ended = 0, at_the_end = 0;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (size_t i = 0; i < 9; ++i) {
          EXPECT_TRUE(scope.spawn_on(world[i % 3], [&, i]() -> Task<void> {
            co_await yield_often(static_cast<int>(i));
            ++ended;
          }));
        }
        co_return;
      });
      at_the_end = ended;
    }));
    EXPECT_EQ(at_the_end, 9);
  });
}

TEST(Scope, JoinInTheBodyWaitsForTheChildrenSoFar) {
  in_every_order(2, [](TestWorld& world) {
    std::string order;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        EXPECT_TRUE(scope.spawn_on(world[1], [&]() -> Task<void> {
          co_await yield_often(3);
          order += "a";
        }));
        co_await scope.join();
        order += "|";
        EXPECT_TRUE(scope.spawn_on(world[1], [&]() -> Task<void> {
          order += "b";
          co_return;
        }));
      });
      order += "|";
    }));
    EXPECT_EQ(order, "a|b|");
  });
}

TEST(Scope, AnExceptionOfAChildStopsTheOthersAndReachesTheOwner) {
  in_every_order(3, [](TestWorld& world) {
    std::string seen;
    int stopped = 0;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      try {
        co_await with_scope([&](Scope& scope) -> Task<void> {
          for (size_t i = 0; i < 3; ++i) {
            EXPECT_TRUE(scope.spawn_on(world[i], [&]() -> Task<void> {
              co_await UntilStopped();
              ++stopped;
            }));
          }
          EXPECT_TRUE(scope.spawn_on(world[1], [&]() -> Task<void> {
            co_await yield_often(2);
            throw std::runtime_error("child");
          }));
          co_return;
        });
      } catch (const std::runtime_error& error) {
        seen = error.what();
      }
    }));
    EXPECT_EQ(seen, "child");
    EXPECT_EQ(stopped, 3);
  });
}

TEST(Scope, TheBodysExceptionGoesBeforeThoseOfChildren) {
  in_every_order(2, [](TestWorld& world) {
    std::string seen;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      try {
        co_await with_scope([&](Scope& scope) -> Task<void> {
          EXPECT_TRUE(scope.spawn_on(world[1], [&]() -> Task<void> {
            co_await UntilStopped();
            throw std::runtime_error("child");
          }));
          co_await TestYield();
          throw std::runtime_error("body");
        });
      } catch (const std::runtime_error& error) {
        seen = error.what();
      }
    }));
    EXPECT_EQ(seen, "body");
  });
}

TEST(Scope, ARequestToStopRacesTheEndOfEachChild) {
  in_every_order(3, [](TestWorld& world) {
    int ended = 0;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (int i = 0; i < 12; ++i) {
          EXPECT_TRUE(scope.spawn_on(world[static_cast<size_t>(i) % 3], [&, i]() -> Task<void> {
            for (int left = i; left > 0 && !(co_await stop_token()).stop_requested(); --left)
              co_await TestYield();
            ++ended;
          }));
        }
        co_await yield_often(2);
        scope.request_stop();
        scope.request_stop();
      });
    }));
    EXPECT_EQ(ended, 12);
  });
}

TEST(Scope, WhatIsSpawnedAfterTheRequestIsStoppedFromTheBeginning) {
  in_every_order(2, [](TestWorld& world) {
    int stopped = 0;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        scope.request_stop();
        for (size_t i = 0; i < 2; ++i) {
          EXPECT_TRUE(scope.spawn_on(world[i], [&]() -> Task<void> {
            stopped += (co_await stop_token()).stop_requested() ? 1 : 0;
          }));
        }
        co_return;
      });
    }));
    EXPECT_EQ(stopped, 2);
  });
}

TEST(Scope, ReportsFollowAnOwnerThatHopsOn) {
  in_every_order(3, [](TestWorld& world) {
    bool done = false;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (size_t i = 0; i < 3; ++i)
          EXPECT_TRUE(scope.spawn_on(
              world[i], [i]() -> Task<void> { co_await yield_often(static_cast<int>(i)); }));
        for (size_t hop = 1; hop < 8; ++hop) co_await TestHop(world[hop % 3]);
      });
      done = true;
    }));
    EXPECT_TRUE(done);
  });
}

TEST(Scope, ARequestToStopFollowsChildrenThatHopWhileTheOwnerHopsToo) {
  in_every_order(3, [](TestWorld& world) {
    int stopped = 0;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (size_t child = 0; child < 4; ++child) {
          EXPECT_TRUE(scope.spawn_on(world[child % 3], [&, child]() -> Task<void> {
            for (size_t hop = 0; hop < 5; ++hop) co_await TestHop(world[(child + hop) % 3]);
            co_await UntilStopped();
            ++stopped;
          }));
        }
        co_await TestHop(world[1]);
        scope.request_stop();
        co_await TestHop(world[2]);
        co_await TestHop(world[0]);
      });
    }));
    EXPECT_EQ(stopped, 4);
  });
}

TEST(Scope, NestedScopesStopWithTheTaskThatOwnsThem) {
  in_every_order(2, [](TestWorld& world) {
    int stopped = 0;
    auto leaf = [&]() -> Task<void> {
      co_await UntilStopped();
      ++stopped;
    };
    auto branch = [&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(scope.spawn_on(world[i % 2], leaf));
        co_return;
      });
    };
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(scope.spawn_on(world[i], branch));
        co_await yield_often(3);
        scope.request_stop();
      });
    }));
    EXPECT_EQ(stopped, 8);
  });
}

TEST(Scope, InABranchStopsWhenTheBranchLoses) {
  in_every_order(2, [](TestWorld& world) {
    size_t first = 9;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      auto loser = [&]() -> Task<void> {
        co_await with_scope([&](Scope& scope) -> Task<void> {
          EXPECT_TRUE(scope.spawn_on(world[1], []() -> Task<void> { co_await UntilStopped(); }));
          co_return;
        });
      };
      first = (co_await when_any(loser(), yield_often(4))).index;
    }));
    EXPECT_EQ(first, 1u);
  });
}

TEST(Scope, RefusesAnExecutorThatMayNotExecute) {
  TestWorld world;
  TestExecutor io(world.heap, false);
  int code = 0;
  ASSERT_TRUE(world.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      Result<void> spawned = scope.spawn_on(io, []() -> Task<void> { co_return; });
      code = spawned ? 0 : spawned.error().code;
      co_return;
    });
  }));
  EXPECT_EQ(code, EPERM);
}

TEST(Scope, SpawnTellsWhenThereIsNoPlace) {
  TestWorld world;
  world[0].place_on = nullptr;
  int in_scope = 0, detached = 0;
  ASSERT_TRUE(world.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      auto nothing = []() -> Task<void> { co_return; };
      if (Result<void> spawned = scope.spawn(nothing); !spawned) in_scope = spawned.error().code;
      if (Result<void> spawned = spawn_detached(nothing); !spawned) detached = spawned.error().code;
      co_return;
    });
  }));
  EXPECT_EQ(in_scope, EPERM);
  EXPECT_EQ(detached, EPERM);
}

TEST(Scope, AChildWithoutMemoryForItsFrameFailsAtItsJoiner) {
  TestWorld world;
  bool refused = false;
  ASSERT_TRUE(world.run([&]() -> Task<void> {
    try {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        EXPECT_TRUE(scope.spawn_on(world[0], []() -> Task<void> { return Task<void>(); }));
        co_return;
      });
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  }));
  EXPECT_TRUE(refused);
  EXPECT_EQ(world.heap.live_blocks(), 0u);
}

TEST(CallOn, BringsTheValueAndTheExceptionBack) {
  in_every_order(2, [](TestWorld& world) {
    int value = 0;
    bool was_there = false, is_back = false, thrown = false, void_done = false;
    ASSERT_TRUE(world.run([&]() -> Task<void> {
      Result<int> result = co_await call_on(world[1], [&]() -> Task<int> {
        was_there = Executor::current() == &world[1];
        co_await TestYield();
        co_return 42;
      });
      value = result.value_or(0);
      is_back = Executor::current() == &world[0];
      try {
        (void)co_await call_on(world[1], []() -> Task<int> { throw std::runtime_error("there"); });
      } catch (const std::runtime_error&) {
        thrown = true;
      }
      void_done = (co_await call_on(world[1], []() -> Task<void> { co_return; })).has_value();
    }));
    EXPECT_EQ(value, 42);
    EXPECT_TRUE(was_there && is_back && thrown && void_done);
  });
}

TEST(CallOn, TellsWhenTheTargetMayNotExecute) {
  TestWorld world;
  TestExecutor io(world.heap, false);
  int code = 0;
  ASSERT_TRUE(world.run([&]() -> Task<void> {
    Result<int> result = co_await call_on(io, []() -> Task<int> { co_return 1; });
    code = result ? 0 : result.error().code;
  }));
  EXPECT_EQ(code, EPERM);
}

}  // namespace
}  // namespace gatio
