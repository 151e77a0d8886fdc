#include "runtime/driver/driver.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "runtime/driver/testing.hpp"
#include "runtime/kernel/faulty_kernel.hpp"
#include "runtime/task/when.hpp"

namespace gatio {
namespace {

TEST(Driver, YieldLetsTheReadyTasksRunInTheirOrder) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth});
  std::string order;
  group.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (char name : {'a', 'b', 'c'}) {
        EXPECT_TRUE(scope.spawn([&order, name]() -> Task<void> {
          for (int i = 0; i < 3; ++i) {
            order += name;
            co_await yield();
          }
        }));
      }
      co_return;
    });
  });
  EXPECT_EQ(order, "abcabcabc");
}

TEST(Driver, RunsTheMoreUrgentTasksFirst) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth});
  std::string order;
  group.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      auto note = [&](char name, Priority priority) {
        auto task = [&order, name]() -> Task<void> {
          order += name;
          co_return;
        };
        EXPECT_TRUE(scope.spawn(task, Hints{.priority = priority}));
      };
      note('l', Priority::low);
      note('n', Priority::normal);
      note('h', Priority::high);
      co_return;
    });
  });
  EXPECT_EQ(order, "hnl");
}

TEST(Driver, ALowTaskEndsAlthoughUrgentOnesNeverRest) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth});
  bool low_ran = false;
  group.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(scope.spawn(
            [&]() -> Task<void> {
              while (!low_ran) co_await yield();
            },
            Hints{.priority = Priority::high}));
      }
      EXPECT_TRUE(scope.spawn(
          [&]() -> Task<void> {
            low_ran = true;
            co_return;
          },
          Hints{.priority = Priority::low}));
      co_return;
    });
  });
  EXPECT_TRUE(low_ran);
}

TEST(Driver, CountsWhatLeavesADetachedTask) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth});
  group.run([]() -> Task<void> {
    EXPECT_TRUE(spawn_detached([]() -> Task<void> {
      throw std::runtime_error("meant to be reported by this test");
      co_return;
    }));
    EXPECT_TRUE(spawn_detached([]() -> Task<void> {
      throw 7;
      co_return;
    }));
    co_return;
  });
  EXPECT_EQ(group[0].stats().uncaught, 2u);
}

// Placement adds what it has sent here until it arrives, and would count it for ever.
TEST(Driver, WhatHasArrivedIsNoLongerOnItsWay) {
  LinuxKernel kernel;
  Heap heap(kernel, -1, size_t{1} << 24);
  Driver driver(kernel, heap, {});
  struct Message : Work {
    Message() : Work([](Work*) {}) {}
  } message;
  driver.load().coming_ns = 5'000;
  driver.load().coming_tasks = 1;
  driver.take_mail();
  EXPECT_EQ(driver.load().coming_tasks, 1u);  // It is still under way.
  driver.post(message);
  driver.take_mail();
  EXPECT_EQ(driver.load().coming_ns, 0u);
  EXPECT_EQ(driver.load().coming_tasks, 0u);
}

// A driver on this thread, whose kernel fails as it is told.
struct OnFaultyKernel {
  explicit OnFaultyKernel(DriverOptions options = {}) : driver(kernel, heap, with_place(options)) {
    driver.enter_thread();
    opened = driver.open();
  }
  ~OnFaultyKernel() {
    driver.close();
    Driver::leave_thread();
  }

  LinuxKernel linux;
  FaultyKernel kernel{linux};
  Heap heap{kernel, -1, size_t{1} << 24};
  Driver driver;
  Result<void> opened;

 private:
  static DriverOptions with_place(DriverOptions options) {
    options.cpu = DriverGroup::allowed_cpus().front();
    options.ring = test_options();
    return options;
  }
};

TEST(Driver, TheFirstFailureOfItsRingIsTheOneThatItTells) {
  GATIO_NEEDS_RINGS();
  OnFaultyKernel on;
  ASSERT_TRUE(on.opened);
  ASSERT_TRUE(on.driver.settle());
  for (int error : {EBADF, EFAULT}) {
    on.kernel.reset();
    on.kernel.fail(Door::ring_enter, 1, error);
    io_uring_prep_nop(on.driver.io_sqe());
    ASSERT_FALSE(on.driver.settle());
    ASSERT_EQ(on.kernel.faults(), 1u);
  }
  EXPECT_EQ(on.driver.health().error().code, EBADF);
}

// The spin's own enter was not asked how it went: a ring that failed there was thought healthy.
TEST(Driver, BugAFailureWhileItSpinsWasForgotten) {
  GATIO_NEEDS_RINGS();
  OnFaultyKernel on({.spin_ns = 1'000});
  ASSERT_TRUE(on.opened);
  ASSERT_TRUE(on.driver.settle());
  on.kernel.reset();
  on.kernel.fail(Door::ring_enter, 1, EBADF);
  io_uring_prep_nop(on.driver.io_sqe());
  on.driver.turn();
  EXPECT_EQ(on.kernel.faults(), 1u);
  EXPECT_FALSE(on.driver.health());
}

// A helper thread's work is no operation of the ring, and an exec driver's ring has none.
TEST(Driver, CancelsOperationsOnlyWhereTheRingHasSome) {
  GATIO_NEEDS_RINGS();
  for (config::Role role : {config::Role::both, config::Role::exec}) {
    OnFaultyKernel on({.role = role});
    ASSERT_TRUE(on.opened);
    ASSERT_TRUE(on.driver.settle());
    on.driver.cancel_operations();
    EXPECT_FALSE(on.driver.has_unsent());
    on.driver.operations_in_flight = on.driver.helpers_in_flight = 1;
    on.driver.cancel_operations();
    EXPECT_FALSE(on.driver.has_unsent());
    on.driver.helpers_in_flight = 0;
    on.driver.cancel_operations();
    EXPECT_EQ(on.driver.has_unsent(), role == config::Role::both);
    on.driver.operations_in_flight = 0;
    ASSERT_TRUE(on.driver.settle());
  }
}

TEST(DriverDeathTest, ARingThatNeverWorksAgainEndsTheProcess) {
  GATIO_NEEDS_RINGS();
  constexpr unsigned kTolerated = 999;
  OnFaultyKernel on;
  ASSERT_TRUE(on.opened);
  on.kernel.reset();
  for (unsigned i = 1; i <= kTolerated + 1; ++i) on.kernel.fail(Door::ring_enter, i, EBADF);
  io_uring_prep_nop(on.driver.io_sqe());
  for (unsigned i = 0; i < kTolerated; ++i) EXPECT_FALSE(on.driver.settle());
  EXPECT_DEATH((void)on.driver.settle(), "assertion failed");
}

TEST(Hop, ThereAndBackTenThousandTimes) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth, kBoth});
  int arrived = 0;
  group.run([&]() -> Task<void> {
    for (int i = 0; i < 10'000; ++i) {
      Driver& target = group[static_cast<size_t>(1 - i % 2)];
      EXPECT_TRUE(co_await hop_to(target));
      arrived += Driver::current() == &target ? 1 : 0;
    }
  });
  EXPECT_EQ(arrived, 10'000);
  EXPECT_EQ(group.live_blocks(), 0u);
}

TEST(Hop, ToWhereTheTaskIsDoesNothing) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth});
  group.run([&]() -> Task<void> { EXPECT_TRUE(co_await hop_to(group[0])); });
}

TEST(Hop, ToAnIoDriverIsRefused) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kExec, kIo});
  int code = 0;
  group.run([&]() -> Task<void> {
    Result<void> hopped = co_await hop_to(group[1]);
    code = hopped ? 0 : hopped.error().code;
    EXPECT_EQ(Driver::current(), &group[0]);
  });
  EXPECT_EQ(code, EPERM);
}

TEST(Hop, OfABranchIsRefused) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth, kBoth});
  int code = 0;
  group.run([&]() -> Task<void> {
    auto branch = [&]() -> Task<void> {
      Result<void> hopped = co_await hop_to(group[1]);
      code = hopped ? 0 : hopped.error().code;
    };
    (void)co_await when_all(branch());
  });
  EXPECT_EQ(code, EINVAL);
}

// Frames that were made on one driver and end on the other are freed there while the first one
// allocates.
TEST(Hop, FramesThatEndElsewhereGoBackToTheirPool) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth, kBoth});
  int ended = 0;
  group.run([&]() -> Task<void> {
    for (int round = 0; round < 50; ++round) {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (int i = 0; i < 40; ++i) {
          EXPECT_TRUE(scope.spawn_on(group[static_cast<size_t>(i) % 2], [&group]() -> Task<void> {
            auto inner = [&]() -> Task<void> {
              (void)co_await hop_to(group[1]);
              (void)co_await hop_to(group[0]);
            };
            co_await inner();
            (void)co_await hop_to(group[1]);
          }));
        }
        co_return;
      });
      ++ended;
    }
  });
  EXPECT_EQ(ended, 50);
  EXPECT_EQ(group.live_blocks(), 0u);
}

// For ThreadSanitizer: stop requests, ends, reports and hops of owner and children at once.
TEST(ScopeOnDrivers, StopRacesEndsAndHops) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth, kBoth, kExec});
  int rounds = 0;
  group.run([&]() -> Task<void> {
    for (int round = 0; round < 200; ++round) {
      co_await with_scope([&](Scope& scope) -> Task<void> {
        for (int i = 0; i < 12; ++i) {
          EXPECT_TRUE(
              scope.spawn_on(group[static_cast<size_t>(i) % 3], [&group, i]() -> Task<void> {
                for (int left = i; left > 0; --left) co_await yield();
                if (i % 3 == 0) (void)co_await hop_to(group[static_cast<size_t>(i / 3) % 3]);
                if (i % 2 == 0) (void)co_await sleep_for(std::chrono::hours(1));
              }));
        }
        if (round % 2 == 0) (void)co_await hop_to(group[static_cast<size_t>(round) % 3]);
        for (int i = 0; i < round % 7; ++i) co_await yield();
        scope.request_stop();
        if (round % 3 == 0) (void)co_await hop_to(group[static_cast<size_t>(round / 3) % 3]);
      });
      ++rounds;
    }
  });
  EXPECT_EQ(rounds, 200);
  EXPECT_EQ(group.live_blocks(), 0u);
}

TEST(Driver, OneThatSpinsStillParksAndIsWoken) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kBoth, kBoth}, nullptr, 20'000);
  int done = 0;
  group.run([&]() -> Task<void> {
    for (int i = 0; i < 50; ++i) {
      Result<int> value = co_await call_on(group[1], []() -> Task<int> { co_return 1; });
      done += value.value_or(0);
      if (i % 10 == 0) (void)co_await sleep_for(std::chrono::milliseconds(1));
    }
  });
  EXPECT_EQ(done, 50);
}

// A driver without its eventfd could not be woken by a thread: it must not pass for one that is
// open.
TEST(Driver, ThatCouldNotMakeItsEventFdIsNotOpen) {
  GATIO_NEEDS_RINGS();
  LinuxKernel linux;
  FaultyKernel kernel(linux);
  kernel.fail(Door::ring_message, 1, EINVAL);  // the probe: a kernel that lacks the call
  kernel.fail(Door::event_fd, 1, EMFILE);
  Result<void> opened;
  bool is_open = true;
  std::thread([&] {
    Heap heap(kernel, -1, size_t{1} << 20);
    Driver driver(kernel, heap,
                  DriverOptions{.cpu = DriverGroup::allowed_cpus()[0], .ring = test_options()});
    opened = driver.open();
    is_open = driver.is_open();
    driver.close();
  }).join();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, EMFILE);
  EXPECT_FALSE(is_open);
  EXPECT_EQ(kernel.open_rings(), 0u);
}

}  // namespace
}  // namespace gatio
