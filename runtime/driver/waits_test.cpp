#include "runtime/driver/waits.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "runtime/driver/testing.hpp"
#include "runtime/task/when.hpp"

namespace gatio {
namespace {

using namespace std::chrono_literals;

class WaitsTest : public testing::Test {
 protected:
  void SetUp() override { GATIO_NEEDS_RINGS(); }
  void TearDown() override { EXPECT_EQ(group_.live_blocks(), 0u); }
  static uint64_t now_ns() { return Driver::current()->kernel().now_ns(); }

  DriverGroup group_{{kBoth, kBoth}};
};

TEST_F(WaitsTest, SleepIsNeverTooShort) {
  group_.run([]() -> Task<void> {
    for (uint64_t wait_ns : {0ull, 1ull, 999ull, 50'000ull, 1'000'000ull, 3'000'000ull}) {
      uint64_t start = now_ns();
      EXPECT_TRUE(co_await sleep_for(std::chrono::nanoseconds(wait_ns)));
      EXPECT_GE(now_ns() - start, wait_ns);
    }
  });
}

TEST_F(WaitsTest, SleepersWakeInTheOrderOfTheirDeadlines) {
  std::string order;
  group_.run([&]() -> Task<void> {
    uint64_t base = now_ns() + 2'000'000;
    auto sleeper = [&](char name, uint64_t deadline) -> Task<void> {
      (void)co_await sleep_until(deadline);
      order += name;
    };
    (void)co_await when_all(sleeper('c', base + 2), sleeper('a', base), sleeper('b', base + 1));
  });
  EXPECT_EQ(order, "abc");
}

TEST_F(WaitsTest, ANegativeSleepAndOneInThePastEndAtOnce) {
  group_.run([]() -> Task<void> {
    EXPECT_TRUE(co_await sleep_for(-5s));
    EXPECT_TRUE(co_await sleep_until(0));
  });
}

TEST_F(WaitsTest, AStopEndsASleepThatWouldNeverEnd) {
  Result<void> slept;
  group_.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn_on(group_[1], [&]() -> Task<void> {
        slept = co_await sleep_for(std::chrono::nanoseconds::max());
      }));
      (void)co_await sleep_for(1ms);
      scope.request_stop();
    });
  });
  ASSERT_FALSE(slept);
  EXPECT_EQ(slept.error().code, ECANCELED);
}

TEST_F(WaitsTest, ASleepAfterTheStopEndsAtOnce) {
  int code = 0;
  group_.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      scope.request_stop();
      EXPECT_TRUE(scope.spawn([&]() -> Task<void> {
        Result<void> slept = co_await sleep_for(1h);
        code = slept ? 0 : slept.error().code;
      }));
      co_return;
    });
  });
  EXPECT_EQ(code, ECANCELED);
}

TEST_F(WaitsTest, ADeadlineThatIsKeptGivesTheValue) {
  int value = 0;
  group_.run([&]() -> Task<void> {
    auto quick = []() -> Task<int> {
      co_await yield();
      co_return 3;
    };
    value = (co_await with_deadline(1h, quick())).value_or(0);
  });
  EXPECT_EQ(value, 3);
}

TEST_F(WaitsTest, ADeadlineThatPassesStopsTheTaskAndWaitsForIt) {
  int code = 0;
  bool ended = false;
  group_.run([&]() -> Task<void> {
    auto slow = [&]() -> Task<void> {
      (void)co_await sleep_for(1h);
      co_await yield();
      ended = true;
    };
    Result<void> result = co_await with_deadline(1ms, slow());
    code = result ? 0 : result.error().code;
  });
  EXPECT_EQ(code, ETIMEDOUT);
  EXPECT_TRUE(ended);
}

TEST_F(WaitsTest, ADeadlineLetsTheExceptionThrough) {
  bool thrown = false;
  group_.run([&]() -> Task<void> {
    auto fails = []() -> Task<int> {
      co_await yield();
      throw std::runtime_error("inside");
    };
    try {
      (void)co_await with_deadline(1h, fails());
    } catch (const std::runtime_error&) {
      thrown = true;
    }
  });
  EXPECT_TRUE(thrown);
}

TEST_F(WaitsTest, AnIntervalTicksAndCountsThePeriodsThatWereMissed) {
  group_.run([]() -> Task<void> {
    Interval interval(1ms);
    uint64_t start = now_ns();
    uint64_t periods = 0;
    for (int i = 0; i < 5; ++i) {
      Result<uint64_t> passed = co_await interval.next();
      EXPECT_TRUE(passed);
      EXPECT_GE(*passed, 1u);
      periods += *passed;
      EXPECT_GE(now_ns() - start, periods * 1'000'000);
    }
    Driver::current()->kernel().spend(5'000'000);
    EXPECT_GE((co_await interval.next()).value_or(0), 4u);
  });
}

TEST_F(WaitsTest, AnIntervalIsStoppedWithItsTask) {
  int code = 0;
  group_.run([&]() -> Task<void> {
    auto ticking = [&]() -> Task<void> {
      Interval interval(1h);
      Result<uint64_t> passed = co_await interval.next();
      code = passed ? 0 : passed.error().code;
    };
    (void)co_await when_any(ticking(), []() -> Task<void> { co_await yield(); }());
  });
  EXPECT_EQ(code, ECANCELED);
}

TEST_F(WaitsTest, ADeadlineThatIsStoppedFromOutsideGivesTheTasksOwnResult) {
  Result<int> seen = 0;
  group_.run([&]() -> Task<void> {
    auto graceful = []() -> Task<int> {
      (void)co_await sleep_for(1h);
      co_return 9;
    };
    auto outer = [&]() -> Task<void> { seen = co_await with_deadline(2h, graceful()); };
    (void)co_await when_any(outer(), []() -> Task<void> { co_await yield(); }());
  });
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(*seen, 9);
}

}  // namespace
}  // namespace gatio
