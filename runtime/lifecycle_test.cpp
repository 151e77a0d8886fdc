#include "runtime/lifecycle.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/base/sync_point.hpp"
#include "runtime/driver/blocking.hpp"
#include "runtime/driver/testing.hpp"
#include "runtime/kernel/faulty_kernel.hpp"

namespace gatio {
namespace {

using namespace std::chrono_literals;

// Drivers with a lifecycle, as a runtime has them, without TPCs and ports.
class Drivers {
 public:
  Drivers(Kernel& kernel, unsigned count, uint64_t drain_ns, std::function<Task<void>()> task)
      : heap_(kernel, -1, size_t{1} << 30),
        task_(std::move(task)),
        lifecycle_({.drain_ns = drain_ns, .on_serving = [this] {
                      return spawn_detached_on(*Driver::current(), [this] { return task_(); });
                    }}) {
    std::vector<unsigned> cpus = DriverGroup::allowed_cpus();
    for (unsigned i = 0; i < count; ++i) {
      drivers_.push_back(std::make_unique<Driver>(
          kernel, heap_,
          DriverOptions{.index = i, .cpu = cpus[i % cpus.size()], .ring = test_options()}));
      drivers_.back()->set_peers(nullptr, drivers_.back().get(), count > 1);
      lifecycle_.add(*drivers_.back());
    }
  }

  Result<void> run() {
    std::vector<std::thread> threads;
    for (auto& member : lifecycle_.members()) {
      threads.emplace_back([&member] {
        while (member->step()) {
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return lifecycle_.outcome();
  }

  Lifecycle& lifecycle() { return lifecycle_; }
  Driver& operator[](size_t index) { return *drivers_[index]; }
  size_t live_blocks() { return heap_.live_blocks(); }

 private:
  Heap heap_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  std::function<Task<void>()> task_;
  Lifecycle lifecycle_;
};

constexpr uint64_t kLongDrainNs = 60'000'000'000;

class LifecycleTest : public testing::Test {
 protected:
  void SetUp() override { GATIO_NEEDS_RINGS(); }
  LinuxKernel linux_;
};

TEST_F(LifecycleTest, ATaskThatWouldSleepForEverIsStoppedByTheDrain) {
  int code = 0;
  Drivers* all = nullptr;
  Drivers drivers(linux_, 2, kLongDrainNs, [&]() -> Task<void> {
    all->lifecycle().request_shutdown();
    (void)co_await hop_to((*all)[1]);
    Result<void> slept = co_await sleep_for(24h);
    code = slept ? 0 : slept.error().code;
  });
  all = &drivers;
  EXPECT_TRUE(drivers.run());
  EXPECT_EQ(code, ECANCELED);
  EXPECT_FALSE(drivers.lifecycle().cut_off());
  EXPECT_EQ(drivers.live_blocks(), 0u);
}

TEST_F(LifecycleTest, ADrainWaitsForATaskThatTravelsBetweenDrivers) {
  int hops = 0;
  Drivers* all = nullptr;
  Drivers drivers(linux_, 2, kLongDrainNs, [&]() -> Task<void> {
    all->lifecycle().request_shutdown();
    for (; hops < 500; ++hops) (void)co_await hop_to((*all)[static_cast<size_t>(1 - hops % 2)]);
  });
  all = &drivers;
  EXPECT_TRUE(drivers.run());
  EXPECT_EQ(hops, 500);
  EXPECT_FALSE(drivers.lifecycle().cut_off());
  EXPECT_EQ(drivers.live_blocks(), 0u);
}

TEST_F(LifecycleTest, ATaskThatIgnoresTheStopIsCutOffAtTheDeadline) {
  Drivers* all = nullptr;
  Drivers drivers(linux_, 1, 5'000'000, [&]() -> Task<void> {
    all->lifecycle().request_shutdown();
    while (true) co_await yield();
  });
  all = &drivers;
  EXPECT_TRUE(drivers.run());
  EXPECT_TRUE(drivers.lifecycle().cut_off());
  EXPECT_EQ(drivers[0].stats().cut_off_tasks, 1u);
  EXPECT_EQ(drivers.live_blocks(), 0u);
}

// It is on its way as often as it is anywhere, and is counted once.
TEST_F(LifecycleTest, ATaskThatTravelsForEverIsCutOffWhereverItIs) {
  Drivers* all = nullptr;
  Drivers drivers(linux_, 2, 5'000'000, [&]() -> Task<void> {
    all->lifecycle().request_shutdown();
    for (size_t at = 1;; at = 1 - at) (void)co_await hop_to((*all)[at]);
  });
  all = &drivers;
  EXPECT_TRUE(drivers.run());
  EXPECT_EQ(drivers[0].stats().cut_off_tasks + drivers[1].stats().cut_off_tasks, 1u);
  EXPECT_EQ(drivers.live_blocks(), 0u);
}

TEST_F(LifecycleTest, ABlockingCallIsWaitedForByTheDrain) {
  bool called = false, went_on = false;
  Drivers* all = nullptr;
  Drivers drivers(linux_, 2, kLongDrainNs, [&]() -> Task<void> {
    all->lifecycle().request_shutdown();
    (void)co_await run_blocking([&] {
      std::this_thread::sleep_for(50ms);
      called = true;
    });
    went_on = true;
  });
  all = &drivers;
  EXPECT_TRUE(drivers.run());
  EXPECT_TRUE(called && went_on);
  EXPECT_FALSE(drivers.lifecycle().cut_off());
  EXPECT_EQ(drivers.live_blocks(), 0u);
}

TEST_F(LifecycleTest, AFailureOfARingEndsTheRunWithItsError) {
  FaultyKernel kernel(linux_);
  Drivers drivers(kernel, 2, kLongDrainNs, [&]() -> Task<void> {
    kernel.fail(Door::ring_enter, kernel.calls(Door::ring_enter) + 3, EIO);
    while ((co_await sleep_for(100us)).has_value()) {
    }
  });
  Result<void> outcome = drivers.run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, EIO);
  EXPECT_NE(outcome.error().text.find("driver "), std::string::npos);
  EXPECT_EQ(drivers.live_blocks(), 0u);
}

// The last enter of the driver that leads carries the wake-ups of the others: when the kernel does
// not take them at once, it must try again.
TEST_F(LifecycleTest, NoEnterThatTheKernelPutsOffLeavesADriverAsleep) {
  for (uint64_t run = 0; run < 30; ++run) {
    FaultyKernel kernel(linux_);
    for (uint64_t nth = 1; nth < 1000; ++nth) {
      if (nth % 3 != run % 3) kernel.fail(Door::ring_enter, nth, EAGAIN);
    }
    Drivers* all = nullptr;
    Drivers drivers(kernel, 3, kLongDrainNs, [&]() -> Task<void> {
      all->lifecycle().request_shutdown();
      co_return;
    });
    all = &drivers;
    EXPECT_TRUE(drivers.run());
    EXPECT_GT(kernel.faults(), 0u);
  }
}

TEST_F(LifecycleTest, AWakeUpThatFailsOnceIsTriedAgain) {
  FaultyKernel kernel(linux_);
  std::atomic<bool> running{false};
  Drivers drivers(kernel, 1, kLongDrainNs, [&]() -> Task<void> {
    running = true;
    (void)co_await sleep_for(24h);
  });
  std::thread other([&] {
    while (!running || !drivers[0].looks_parked()) std::this_thread::yield();
    kernel.fail(Door::ring_message, kernel.calls(Door::ring_message) + 1, ENOMEM);
    kernel.fail(Door::event_signal, 1, ENOMEM);
    drivers.lifecycle().request_shutdown();
  });
  EXPECT_TRUE(drivers.run());
  other.join();
  EXPECT_EQ(kernel.faults(), 1u);
}

// A thread that has left its message may still be about to wake the driver, which has seen the
// message by itself meanwhile: the driver must not be gone by then.
TEST_F(LifecycleTest, ADriverOutlivesAThreadThatIsWakingIt) {
  static std::atomic<bool> thread_is_waking, driver_has_ended, ended_too_early;
  static Drivers* all = nullptr;
  thread_is_waking = driver_has_ended = ended_too_early = false;
  Drivers drivers(linux_, 1, kLongDrainNs, []() -> Task<void> {
    // Its timers let the driver notice the messages by itself.
    while ((co_await sleep_for(1ms)).has_value()) {
    }
  });
  all = &drivers;
  sync_point_hook = [](const char* where) {
    if (where != kDriverWake || Driver::current() != nullptr) return;
    thread_is_waking = true;
    all->lifecycle().request_shutdown();
    std::this_thread::sleep_for(100ms);
    ended_too_early = driver_has_ended.load();
  };
  std::thread runs([&] {
    (void)drivers.run();
    driver_has_ended = true;
  });
  struct Nothing : Work {
    Nothing() : Work([](Work*) {}) {}
  };
  std::vector<Nothing> messages(10'000);
  // Until one meets the driver parked; it may take its time to start.
  for (size_t i = 0; i < messages.size() && !thread_is_waking;) {
    if (drivers[0].looks_parked()) drivers[0].post(messages[i++]);
    std::this_thread::yield();
  }
  if (!thread_is_waking) drivers.lifecycle().request_shutdown();
  runs.join();
  sync_point_hook = nullptr;
  EXPECT_TRUE(thread_is_waking);
  EXPECT_FALSE(ended_too_early);
}

// Its thread writes into the task's frame, which must outlive it whatever the deadline says.
TEST_F(LifecycleTest, ABlockingCallIsWaitedForAlsoAfterTheDeadline) {
  std::atomic<bool> called{false};
  int code = 0;
  Drivers* all = nullptr;
  Drivers drivers(linux_, 1, 1'000'000, [&]() -> Task<void> {
    all->lifecycle().request_shutdown();
    (void)co_await run_blocking([&] {
      std::this_thread::sleep_for(50ms);
      called = true;
    });
    // No further one is begun then.
    Result<void> again = co_await run_blocking([] {});
    code = again ? 0 : again.error().code;
  });
  all = &drivers;
  EXPECT_TRUE(drivers.run());
  EXPECT_TRUE(called);
  EXPECT_EQ(code, ECANCELED);
  EXPECT_TRUE(drivers.lifecycle().cut_off());
  EXPECT_EQ(drivers.live_blocks(), 0u);
}

}  // namespace
}  // namespace gatio
