#include "runtime/task/when.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "runtime/task/testing.hpp"

namespace gatio {
namespace {

class WhenTest : public testing::Test {
 protected:
  ~WhenTest() override {
    EXPECT_EQ(world_.heap.live_blocks(), 0u);
    EXPECT_EQ(world_[0].uncaught_count, 0);
  }

  template <typename Callable>
  void run(Callable&& callable) {
    ASSERT_TRUE(world_.run(std::forward<Callable>(callable)));
  }

  // Ends after that many turns of the others.
  Task<int> after(int yields, int value) {
    for (int i = 0; i < yields; ++i) co_await TestYield();
    ++ended_;
    co_return value;
  }
  Task<void> throw_after(int yields, std::string text) {
    for (int i = 0; i < yields; ++i) co_await TestYield();
    ++ended_;
    throw std::runtime_error(text);
  }
  Task<void> until_stopped() {
    co_await UntilStopped();
    ++ended_;
  }
  Task<void> throw_when_stopped(std::string text) {
    co_await UntilStopped();
    ++ended_;
    throw std::runtime_error(text);
  }

  TestWorld world_;
  int ended_ = 0;
};

TEST_F(WhenTest, AllYieldsTheValuesInTheOrderOfTheTasks) {
  std::tuple<int, std::string, Unit> seen;
  run([&]() -> Task<void> {
    auto text = []() -> Task<std::string> { co_return "text"; };
    auto nothing = []() -> Task<void> { co_await TestYield(); };
    seen = co_await when_all(after(3, 1), text(), nothing());
  });
  EXPECT_EQ(std::get<0>(seen), 1);
  EXPECT_EQ(std::get<1>(seen), "text");
}

TEST_F(WhenTest, AllOfNothingIsDoneAtOnce) {
  bool done = false;
  run([&]() -> Task<void> {
    (void)co_await when_all();
    done = true;
  });
  EXPECT_TRUE(done);
}

TEST_F(WhenTest, AllWaitsForTheSlowestAndRunsTheBranchesSideBySide) {
  int at_the_end = 0;
  run([&]() -> Task<void> {
    (void)co_await when_all(after(5, 1), after(0, 2), after(2, 3));
    at_the_end = ended_;
  });
  EXPECT_EQ(at_the_end, 3);
}

TEST_F(WhenTest, AllStopsTheOthersAfterAnExceptionAndThrowsWhenTheyHaveEnded) {
  std::string seen;
  int at_the_end = 0;
  run([&]() -> Task<void> {
    try {
      (void)co_await when_all(until_stopped(), throw_after(2, "two"), until_stopped());
    } catch (const std::runtime_error& error) {
      seen = error.what();
      at_the_end = ended_;
    }
  });
  EXPECT_EQ(seen, "two");
  EXPECT_EQ(at_the_end, 3);
}

TEST_F(WhenTest, AllStopsBranchesThatStartAfterTheException) {
  std::string seen;
  run([&]() -> Task<void> {
    try {
      (void)co_await when_all(throw_after(0, "at once"), until_stopped());
    } catch (const std::runtime_error& error) {
      seen = error.what();
    }
  });
  EXPECT_EQ(seen, "at once");
}

TEST_F(WhenTest, AllThrowsTheExceptionThatCameFirstNotTheOneThatTheStopCaused) {
  std::string seen;
  run([&]() -> Task<void> {
    try {
      (void)co_await when_all(after(0, 1), throw_when_stopped("consequence"),
                              throw_after(1, "cause"));
    } catch (const std::runtime_error& error) {
      seen = error.what();
    }
  });
  EXPECT_EQ(seen, "cause");
}

TEST_F(WhenTest, AnyYieldsTheFirstAndStopsAndAwaitsTheOthers) {
  AnyOf<void, int, void> seen;
  int at_the_end = 0;
  run([&]() -> Task<void> {
    seen = co_await when_any(until_stopped(), after(2, 5), until_stopped());
    at_the_end = ended_;
  });
  EXPECT_EQ(seen.index, 1u);
  EXPECT_EQ(std::get<1>(seen.value), 5);
  EXPECT_EQ(at_the_end, 3);
}

TEST_F(WhenTest, AnyOfTheSameTypeTellsThemApart) {
  AnyOf<int, int> seen;
  run([&]() -> Task<void> { seen = co_await when_any(after(4, 1), after(1, 2)); });
  EXPECT_EQ(seen.index, 1u);
  EXPECT_EQ(seen.value.index(), 1u);
  EXPECT_EQ(std::get<1>(seen.value), 2);
}

TEST_F(WhenTest, AnyThrowsWhatTheFirstThrew) {
  std::string seen;
  run([&]() -> Task<void> {
    try {
      (void)co_await when_any(until_stopped(), throw_after(1, "first"));
    } catch (const std::runtime_error& error) {
      seen = error.what();
    }
  });
  EXPECT_EQ(seen, "first");
}

TEST_F(WhenTest, AnyDropsTheExceptionsOfTheLosers) {
  size_t first = 9;
  run([&]() -> Task<void> {
    first = (co_await when_any(throw_when_stopped("late"), after(1, 1))).index;
  });
  EXPECT_EQ(first, 1u);
}

TEST_F(WhenTest, BranchesStopWithTheTaskThatAwaitsThem) {
  int at_the_end = 0;
  run([&]() -> Task<void> {
    auto inner = [&]() -> Task<void> {
      (void)co_await when_all(until_stopped(), until_stopped());
      at_the_end = ended_;
    };
    (void)co_await when_any(inner(), after(1, 0));
  });
  EXPECT_EQ(at_the_end, 3);
}

TEST_F(WhenTest, BranchesAreMarkedAsSuchAndSoIsWhatTheyAwait) {
  bool in_branch = false, after_it = true;
  run([&]() -> Task<void> {
    auto deeper = [&]() -> Task<void> { in_branch = (co_await current_context()).in_branch; };
    auto branch = [&]() -> Task<void> { co_await deeper(); };
    (void)co_await when_all(branch());
    after_it = (co_await current_context()).in_branch;
  });
  EXPECT_TRUE(in_branch);
  EXPECT_FALSE(after_it);
}

TEST_F(WhenTest, ABranchWhoseFrameFoundNoMemoryFailsAndTheOthersAreStopped) {
  bool refused = false;
  run([&]() -> Task<void> {
    try {
      (void)co_await when_all(until_stopped(), Task<void>());
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  });
  EXPECT_TRUE(refused);
  EXPECT_EQ(ended_, 1);
}

}  // namespace
}  // namespace gatio
