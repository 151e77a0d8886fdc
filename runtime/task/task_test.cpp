#include "runtime/task/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "runtime/task/testing.hpp"

namespace gatio {
namespace {

static_assert(!std::is_copy_constructible_v<Task<int>>);
static_assert(std::is_nothrow_move_constructible_v<Task<int>>);

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GATIO_TEST_SANITIZED
#endif
#endif
#ifdef GATIO_TEST_SANITIZED
constexpr int kManyTasks = 100'000;  // each frame is a malloc of its own there
#else
constexpr int kManyTasks = 1'000'000;
#endif

class TaskTest : public testing::Test {
 protected:
  TestWorld world_;
};

Task<int> answer(int value) {
  co_return value;
}

Task<int> fail_with(const char* text) {
  throw std::runtime_error(text);
  co_return 0;
}

TEST_F(TaskTest, StartsOnlyWhenAwaited) {
  bool started = false;
  bool started_before = true;
  auto body = [&]() -> Task<void> {
    started = true;
    co_return;
  };
  ASSERT_TRUE(world_.run([&]() -> Task<void> {
    Task<void> task = body();
    started_before = started;
    co_await std::move(task);
  }));
  EXPECT_FALSE(started_before);
  EXPECT_TRUE(started);
}

TEST_F(TaskTest, GivesBackItsFrameWhenItIsNeverAwaited) {
  size_t before = world_.heap.live_blocks();
  { Task<int> dropped = answer(1); }
  EXPECT_EQ(world_.heap.live_blocks(), before);
}

TEST_F(TaskTest, YieldsItsValueAlsoIfItCanOnlyBeMoved) {
  int seen = 0;
  auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  ASSERT_TRUE(world_.run([&]() -> Task<void> { seen = *co_await make(); }));
  EXPECT_EQ(seen, 7);
}

TEST_F(TaskTest, ThrowsToItsAwaiterThroughSeveralTasks) {
  std::string seen;
  auto middle = []() -> Task<int> { co_return co_await fail_with("deep") + 1; };
  ASSERT_TRUE(world_.run([&]() -> Task<void> {
    try {
      (void)co_await middle();
    } catch (const std::runtime_error& error) {
      seen = error.what();
    }
  }));
  EXPECT_EQ(seen, "deep");
}

TEST_F(TaskTest, MovesWithItsFrame) {
  int seen = 0;
  ASSERT_TRUE(world_.run([&]() -> Task<void> {
    Task<int> one = answer(1);
    Task<int> other = answer(2);
    one = std::move(other);
    EXPECT_FALSE(other);
    Task<int> third = std::move(one);
    seen = co_await std::move(third);
  }));
  EXPECT_EQ(seen, 2);
}

TEST_F(TaskTest, AMillionAwaitsInARowNeedNoStack) {
  int64_t sum = 0;
  ASSERT_TRUE(world_.run([&]() -> Task<void> {
    for (int i = 0; i < kManyTasks; ++i) sum += co_await answer(1);
  }));
  EXPECT_EQ(sum, kManyTasks);
}

Task<int> nested(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await nested(depth - 1);
}

TEST_F(TaskTest, AMillionNestedAwaitsNeedNoStack) {
  int depth = 0;
  ASSERT_TRUE(world_.run([&]() -> Task<void> { depth = co_await nested(kManyTasks); }));
  EXPECT_EQ(depth, kManyTasks);
}

TEST_F(TaskTest, AllFramesReturnToThePool) {
  size_t before = world_.heap.live_blocks();
  ASSERT_TRUE(world_.run([&]() -> Task<void> {
    for (int i = 0; i < 100; ++i) (void)co_await nested(i);
    try {
      (void)co_await fail_with("dropped");
    } catch (const std::runtime_error&) {
    }
  }));
  EXPECT_EQ(world_.heap.live_blocks(), before);
  EXPECT_EQ(world_[0].trees, 0);
}

TEST(TaskQuota, WhenItIsExhaustedTheAwaiterGetsBadAlloc) {
  TestWorld world(1, 1, 4 << 20);
  bool refused = false;
  ASSERT_TRUE(world.run([&]() -> Task<void> {
    try {
      (void)co_await nested(1'000'000);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  }));
  EXPECT_TRUE(refused);
  EXPECT_EQ(world.heap.live_blocks(), 0u);
}

TEST(TaskQuota, WhenItIsExhaustedAtSpawnTheSpawnerGetsENOMEM) {
  TestWorld world(1, 1, 64);
  Result<void> spawned = world.run([]() -> Task<void> { co_return; });
  ASSERT_FALSE(spawned);
  EXPECT_EQ(spawned.error().code, ENOMEM);
}

// Placement counted the task as load of a driver that it never reached.
TEST(TaskQuota, BugAPlaceWasAskedForWithoutMemoryForTheTask) {
  TestWorld world(1, 1, 64);
  Result<void> spawned = spawn_detached([]() -> Task<void> { co_return; });
  ASSERT_FALSE(spawned);
  EXPECT_EQ(spawned.error().code, ENOMEM);
  EXPECT_EQ(world[0].asked_for_place, 0);
}

TEST(TaskQuota, WhatFindsNoPlaceGivesItsMemoryBack) {
  TestWorld world;
  world[0].place_on = nullptr;
  Result<void> spawned = spawn_detached([]() -> Task<void> { co_return; });
  ASSERT_FALSE(spawned);
  EXPECT_EQ(spawned.error().code, EPERM);
  EXPECT_EQ(world.heap.live_blocks(), 0u);
}

TEST_F(TaskTest, KnowsItsSurroundings) {
  bool same = false;
  ASSERT_TRUE(world_.run([&]() -> Task<void> {
    Context& outer = co_await current_context();
    auto inner = [&]() -> Task<void> {
      Context& here = co_await current_context();
      same = &here == &outer && here.root->home == Executor::current();
    };
    co_await inner();
  }));
  EXPECT_TRUE(same);
}

TEST_F(TaskTest, AnExceptionThatNobodyJoinsIsCounted) {
  ASSERT_TRUE(world_.run([]() -> Task<void> { (void)co_await fail_with("alone"); }));
  EXPECT_EQ(world_[0].uncaught_count, 1);
  EXPECT_EQ(world_.heap.live_blocks(), 0u);
}

TEST_F(TaskTest, ACallableThatThrowsIsCountedAsItsTask) {
  ASSERT_TRUE(world_.run([]() -> Task<void> { throw std::runtime_error("not even a task"); }));
  EXPECT_EQ(world_[0].uncaught_count, 1);
  EXPECT_EQ(world_.heap.live_blocks(), 0u);
}

}  // namespace
}  // namespace gatio
