#include "runtime/driver/blocking.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include "runtime/driver/testing.hpp"
#include "runtime/kernel/faulty_kernel.hpp"

namespace gatio {
namespace {

TEST(RunBlocking, RunsOnAThreadOfItsOwnAndBringsTheValueBack) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth, kExec});
  std::unique_ptr<int> value;
  bool elsewhere = false, back = false, void_done = false;
  group.run([&]() -> Task<void> {
    Driver* home = Driver::current();
    Result<std::unique_ptr<int>> result = co_await run_blocking([&] {
      elsewhere = Driver::current() == nullptr;
      return std::make_unique<int>(5);
    });
    back = Driver::current() == home;
    if (result) value = std::move(*result);
    void_done = (co_await run_blocking([] {})).has_value();
  });
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(*value, 5);
  EXPECT_TRUE(elsewhere && back && void_done);
}

TEST(RunBlocking, ThrowsWhatTheCallableThrew) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth});
  std::string seen;
  group.run([&]() -> Task<void> {
    try {
      (void)co_await run_blocking([]() -> int { throw std::runtime_error("blocked"); });
    } catch (const std::runtime_error& error) {
      seen = error.what();
    }
  });
  EXPECT_EQ(seen, "blocked");
}

TEST(RunBlocking, WithoutAThreadToBeHadItIsAnError) {
  GATIO_NEEDS_RINGS();
  LinuxKernel linux;
  FaultyKernel kernel(linux);
  kernel.fail(Door::start_helper, 1, EAGAIN);
  DriverGroup group({kBoth}, &kernel);
  Result<int> first = 0, second = 0;
  group.run([&]() -> Task<void> {
    first = co_await run_blocking([] { return 1; });
    second = co_await run_blocking([] { return 2; });
  });
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, EAGAIN);
  EXPECT_EQ(second.value_or(0), 2);
}

TEST(RunBlocking, MoreThanADriverMayHaveAtOnceAreRefused) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth});
  Result<void> refused;
  group.run([&]() -> Task<void> {
    Driver& here = *Driver::current();
    here.helpers_in_flight += Driver::kMostHelpers;
    refused = co_await run_blocking([] {});
    here.helpers_in_flight -= Driver::kMostHelpers;
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EAGAIN);
}

// Many at once: the messages of many threads, each of which may have to wake the driver.
TEST(RunBlocking, ManyAtOnceAllComeBack) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth, kBoth});
  std::atomic<int> called{0};
  int returned[2] = {0, 0};
  group.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (int i = 0; i < 60; ++i) {
        EXPECT_TRUE(scope.spawn_on(group[static_cast<size_t>(i) % 2], [&, i]() -> Task<void> {
          EXPECT_TRUE(co_await run_blocking([&] { called.fetch_add(1); }));
          ++returned[i % 2];
        }));
      }
      co_return;
    });
  });
  EXPECT_EQ(called.load(), 60);
  EXPECT_EQ(returned[0] + returned[1], 60);
}

}  // namespace
}  // namespace gatio
