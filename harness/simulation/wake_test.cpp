// Drivers without a runtime, on the fake kernel: wake-ups that fail, and how long a turn may take.
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "fakes/fake_kernel.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/kernel/faulty_kernel.hpp"
#include "runtime/memory/heap.hpp"

namespace gatio {
namespace {

constexpr size_t kHeapBytes = size_t{1} << 20;

// One driver posts to another in the middle of that one's sleep, and its wake-up may fail.
class PostAt : private fakes::Event {
 public:
  PostAt(fakes::World& world, uint64_t time_ns, Driver& from, Driver& to, Work& message)
      : Event(&fire), world_(world), from_(from), to_(to), message_(message) {
    world.events.schedule(*this, time_ns);
  }

 private:
  static void fire(Event* event) {
    auto* self = static_cast<PostAt*>(event);
    self->from_.enter_thread();
    self->to_.post(self->message_);
    self->world_.faults.operation_error = 1;
    EXPECT_TRUE(self->from_.ring().enter(false));
    self->world_.faults = {};
    self->to_.enter_thread();
  }
  fakes::World& world_;
  Driver& from_;
  Driver& to_;
  Work& message_;
};

// The kernel had no memory for the wake-up, and before it was repeated the sleeper had woken by
// itself, taken the message and ended. Nobody was left to be woken, which was taken for a bug.
TEST(WakeUp, BugOneThatFailedMetADriverThatHadEnded) {
  unsigned overflows = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    fakes::Choices choices(seed);
    fakes::FakeKernel kernel(choices, {});
    Heap heap(kernel, -1, kHeapBytes);
    Driver sender(kernel, heap, DriverOptions{.cpu = 0});
    Driver sleeper(kernel, heap, DriverOptions{.cpu = 1});
    for (Driver* driver : {&sender, &sleeper}) {
      driver->enter_thread();
      ASSERT_TRUE(driver->open());
    }
    uint64_t now_ns = kernel.world().now_ns;
    Timer alarm([](Timer*) {});
    sleeper.timers().arm(alarm, now_ns + 1'000'000);
    Work message([](Work*) {});
    PostAt post(kernel.world(), now_ns + 500'000, sender, sleeper, message);
    sleeper.turn();
    sleeper.timers().disarm(alarm);
    sleeper.take_mail();
    EXPECT_EQ(sleeper.stats().messages, 1u);
    sleeper.close();

    sender.enter_thread();
    // Only a wake-up that failed leaves a CQE.
    overflows += sender.ring().reap(1);
    sender.close();
    Driver::leave_thread();
  }
  EXPECT_GT(overflows, 0u);
}

// A thread that is no driver's posts in the middle of the sleep, and the eventfd is full.
class PostToFull : private fakes::Event {
 public:
  PostToFull(fakes::World& world, uint64_t time_ns, FaultyKernel& kernel, Driver& to, Work& message)
      : Event(&fire), kernel_(kernel), to_(to), message_(message) {
    world.events.schedule(*this, time_ns);
  }

 private:
  static void fire(Event* event) {
    auto* self = static_cast<PostToFull*>(event);
    Driver::leave_thread();
    self->kernel_.reset();
    self->kernel_.fail(Door::event_signal, 1, EAGAIN);
    self->to_.post(self->message_);
    self->to_.enter_thread();
  }
  FaultyKernel& kernel_;
  Driver& to_;
  Work& message_;
};

// It will be seen as it is: to signal it until it is read could take for ever.
TEST(WakeUp, AnEventFdThatIsFullIsNotSignalledAgain) {
  fakes::Choices choices(1);
  fakes::FakeKernel fake(choices, {.sync_message = false});
  FaultyKernel kernel(fake);
  Heap heap(kernel, -1, kHeapBytes);
  Driver sleeper(kernel, heap, DriverOptions{.cpu = 0});
  sleeper.enter_thread();
  ASSERT_TRUE(sleeper.open());
  uint64_t now_ns = fake.world().now_ns;
  Timer alarm([](Timer*) {});
  sleeper.timers().arm(alarm, now_ns + 1'000'000);
  Work message([](Work*) {});
  PostToFull post(fake.world(), now_ns + 500'000, kernel, sleeper, message);
  sleeper.turn();
  EXPECT_EQ(kernel.calls(Door::event_signal), 1u);
  sleeper.timers().disarm(alarm);
  sleeper.take_mail();
  sleeper.close();
  Driver::leave_thread();
}

struct LongWork : Work {
  LongWork() : Work([](Work*) { Driver::current()->kernel().spend(10'000); }) {}
};

// Long before as many pieces as a turn may run at most.
TEST(Turn, LeavesWorkThatTakesLongForTheNextOne) {
  fakes::Choices choices(1);
  fakes::FakeKernel kernel(choices, {});
  Heap heap(kernel, -1, kHeapBytes);
  Driver driver(kernel, heap, DriverOptions{.cpu = 0});
  driver.enter_thread();
  ASSERT_TRUE(driver.open());
  std::vector<LongWork> works(100);
  driver.finish();  // It does not sleep when all is done.
  for (LongWork& each : works) driver.enqueue(each, Priority::normal);
  driver.turn();
  EXPECT_GE(driver.stats().works, 20u);
  EXPECT_LE(driver.stats().works, 40u);
  while (driver.stats().works < works.size()) driver.turn();
  driver.close();
  Driver::leave_thread();
}

}  // namespace
}  // namespace gatio
