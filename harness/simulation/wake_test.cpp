// Wake-ups that fail, between two drivers on the fake kernel.
#include <gtest/gtest.h>

#include "fakes/fake_kernel.hpp"
#include "runtime/driver/driver.hpp"
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

}  // namespace
}  // namespace gatio
