// Setup, entering, task work, overflow and waiting: rules U1 to U18 as far as they speak of rings
// without sockets.
#include "fakes/ring/fake_ring.hpp"

#include <poll.h>

#include "fakes/ring/test_support.hpp"
#include "fakes/scheduler.hpp"
#include "runtime/kernel/environment.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

constexpr unsigned kGet = IORING_ENTER_GETEVENTS;

class FakeRingTest : public RingTest {
 protected:
  int setup(unsigned entries, unsigned cq_entries, unsigned flags) {
    TestRing ring(kernel, entries, cq_entries, flags);
    return ring.setup_result;
  }
};

TEST_F(FakeRingTest, SizesAreRoundedUpAndChecked) {  // U1
  TestRing ring(kernel, 5, 20);
  EXPECT_EQ(ring.ring.sq.ring_entries, 8u);
  EXPECT_EQ(ring.ring.cq.ring_entries, 32u);
  constexpr unsigned kNoClamp = kRingFlags & ~IORING_SETUP_CLAMP;
  EXPECT_EQ(setup(8, 4, kRingFlags), -EINVAL);
  EXPECT_EQ(setup(8, 0, kRingFlags), -EINVAL);
  EXPECT_EQ(setup(0, 8, kRingFlags), -EINVAL);
  EXPECT_EQ(setup(32769, 65536, kNoClamp), -EINVAL);
  EXPECT_EQ(setup(32769, 65536, kRingFlags), 0);
  TestRing both(kernel, 8, 0, kRingFlags & ~IORING_SETUP_CQSIZE);
  EXPECT_EQ(both.ring.cq.ring_entries, 16u);
}

TEST_F(FakeRingTest, FlagsThatDoNotGoTogetherAreRefused) {  // U2
  EXPECT_EQ(setup(8, 8, kRingFlags & ~IORING_SETUP_SINGLE_ISSUER), -EINVAL);
  EXPECT_EQ(setup(8, 8, kRingFlags | IORING_SETUP_SQPOLL), -EINVAL);
  EXPECT_EQ(setup(8, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_TASKRUN_FLAG), -EINVAL);
  EXPECT_EQ(setup(8, 8, kRingFlags | 1U << 30), -EINVAL);
  EXPECT_EQ(setup(8, 8, kRingFlags | IORING_SETUP_NO_SQARRAY), 0);
}

TEST_F(FakeRingTest, AnOlderKernelDoesNotKnowNoSqArray) {
  FakeKernel older(choices, {.no_sqarray = false, .sync_message = false});
  io_uring_params params{};
  params.flags = kRingFlags | IORING_SETUP_NO_SQARRAY;
  params.cq_entries = 8;
  io_uring ring{};
  EXPECT_EQ(older.ring_setup(8, params, ring), -EINVAL);
  EXPECT_EQ(older.ring_message(-1, 0), -EINVAL);
}

TEST_F(FakeRingTest, ADisabledRingBelongsToWhoEnablesIt) {  // U3
  TestRing ring(kernel, 8, 8, kRingFlags | IORING_SETUP_R_DISABLED);
  ring.nop(1);
  EXPECT_EQ(ring.enter(), -EBADFD);
  alone.become(1);
  EXPECT_EQ(kernel.ring_register(ring.ring, IORING_REGISTER_ENABLE_RINGS, nullptr, 0), 0);
  EXPECT_EQ(ring.enter(), 1);
  alone.become(0);
  ring.nop(2);
  EXPECT_EQ(ring.enter(), -EEXIST);
  EXPECT_EQ(kernel.ring_register(ring.ring, IORING_REGISTER_ENABLE_RINGS, nullptr, 0), -EEXIST);
}

TEST_F(FakeRingTest, AStrangerMayNotUseIt) {  // U4
  TestRing ring(kernel);
  ring.nop(1);
  alone.become(1);
  EXPECT_EQ(ring.enter(), -EEXIST);
  EXPECT_EQ(ring.enter_with(0, kGet), -EEXIST);
  EXPECT_EQ(ring.enter_with(0, 0), 0);
  EXPECT_EQ(kernel.ring_register(ring.ring, IORING_REGISTER_FILES, nullptr, 0), -EEXIST);
}

TEST_F(FakeRingTest, EnterSaysHowManyItTook) {  // U5
  TestRing ring(kernel);
  ring.nop(1);
  io_uring_smp_store_release(ring.ring.sq.ktail, ring.ring.sq.sqe_tail);
  EXPECT_EQ(ring.enter_with(10, 0), 1);
  EXPECT_EQ(ring.enter_with(10, 0), 0);
}

TEST_F(FakeRingTest, ABadSqeStopsTheBatchWithoutSubmitAll) {  // U6
  TestRing stops(kernel, 8, 16, kRingFlags & ~IORING_SETUP_SUBMIT_ALL);
  TestRing goes_on(kernel);
  for (TestRing* ring : {&stops, &goes_on}) {
    for (int i = 1; i <= 4; ++i) ring->nop(static_cast<uint64_t>(i));
    ring->ring.sq.sqes[1].opcode = 255;
  }
  EXPECT_EQ(stops.enter(), 2);
  EXPECT_EQ(text(stops.reap()), "1:0 2:-22");
  EXPECT_EQ(stops.enter(), 2);
  EXPECT_EQ(goes_on.enter(), 4);
  EXPECT_EQ(text(goes_on.reap()), "1:0 2:-22 3:0 4:0");
}

TEST_F(FakeRingTest, TheSqFills) {  // U9
  TestRing ring(kernel, 4, 8);
  for (int i = 0; i < 4; ++i) EXPECT_NE(ring.nop(0), nullptr);
  EXPECT_EQ(ring.nop(0), nullptr);
  EXPECT_EQ(ring.enter(), 4);
  EXPECT_NE(ring.nop(0), nullptr);
}

TEST_F(FakeRingTest, AnSqeIsPoisonedWhenItIsTaken) {
  TestRing ring(kernel);
  io_uring_sqe* sqe = ring.nop(1);
  ring.enter();
  EXPECT_EQ(sqe->user_data, 0xDEDEDEDEDEDEDEDEu);
}

TEST_F(FakeRingTest, AnEventIsHeldBackUntilItIsFetched) {  // U8, U10, U12
  TestRing ring(kernel);
  int fd = kernel.event_fd();
  ring.add(1, [fd](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, fd, POLLIN); });
  ring.nop(2);
  ring.enter();
  EXPECT_EQ(text(ring.reap()), "2:0");
  EXPECT_FALSE(ring.flag(IORING_SQ_TASKRUN));
  kernel.event_signal(fd);
  EXPECT_TRUE(ring.flag(IORING_SQ_TASKRUN));
  ring.nop(3);
  ring.enter();
  EXPECT_EQ(text(ring.reap()), "3:0");
  ring.fetch();
  EXPECT_EQ(text(ring.reap()), "1:1");
  EXPECT_FALSE(ring.flag(IORING_SQ_TASKRUN));
  kernel.close(fd);
}

TEST_F(FakeRingTest, OneFetchRunsAtMostTwentyItemsOrAsManyAsAreWaitedFor) {  // U11
  TestRing ring(kernel, 128, 256);
  int fd = kernel.event_fd();
  for (unsigned i = 0; i < 100; ++i) {
    ring.add(i, [fd](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, fd, POLLIN); });
  }
  ring.enter();
  kernel.event_signal(fd);
  EXPECT_EQ(ring.ready(), 0u);
  ring.enter(kGet);
  EXPECT_EQ(ring.ready(), 20u);
  EXPECT_TRUE(ring.flag(IORING_SQ_TASKRUN));
  ring.enter(kGet);
  EXPECT_EQ(ring.ready(), 40u);
  ring.reap();
  ring.enter(kGet, 50);
  EXPECT_EQ(ring.ready(), 50u);
  ring.enter(kGet);
  EXPECT_EQ(ring.ready(), 60u);
  EXPECT_FALSE(ring.flag(IORING_SQ_TASKRUN));
  kernel.close(fd);
}

TEST_F(FakeRingTest, AnOverfullCqKeepsOrderAndLosesNothing) {  // U14, U15
  TestRing ring(kernel, 8, 8);
  for (unsigned i = 0; i < 16; ++i) {
    ring.nop(i);
    ring.enter();
  }
  EXPECT_EQ(ring.ready(), 8u);
  EXPECT_TRUE(ring.flag(IORING_SQ_CQ_OVERFLOW));
  EXPECT_EQ(*ring.ring.cq.koverflow, 0u);
  ring.reap();
  ring.nop(16);
  ring.enter();
  EXPECT_EQ(ring.ready(), 0u);  // It waits behind the others although there is room.
  ring.settle();
  ring.settle();
  ASSERT_EQ(ring.seen.size(), 17u);
  for (unsigned i = 0; i < 17; ++i) EXPECT_EQ(ring.seen[i].user_data, i);
  EXPECT_FALSE(ring.flag(IORING_SQ_CQ_OVERFLOW));
}

TEST_F(FakeRingTest, AMultishotThatFindsNoRoomEndsWithItsResult) {  // U16
  TestRing ring(kernel, 4, 4);
  int fd = kernel.event_fd();
  ring.add(9, [fd](io_uring_sqe* sqe) { io_uring_prep_poll_multishot(sqe, fd, POLLIN); });
  ring.enter();
  for (int i = 0; i < 4; ++i) {
    kernel.event_signal(fd);
    ring.fetch();
  }
  EXPECT_EQ(ring.ready(), 4u);
  kernel.event_signal(fd);
  ring.fetch();
  EXPECT_TRUE(ring.flag(IORING_SQ_CQ_OVERFLOW));
  EXPECT_EQ(text(ring.settle()), "9:1+ 9:1+ 9:1+ 9:1+ 9:1");
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "");
  kernel.close(fd);
}

TEST_F(FakeRingTest, AWaitEndsInTime) {  // U17
  TestRing ring(kernel);
  uint64_t start = kernel.now_ns();
  EXPECT_EQ(ring.enter(kGet, 1, 5'000'000), -ETIME);
  EXPECT_EQ(kernel.now_ns(), start + 5'000'000);
  ring.nop(1);
  EXPECT_EQ(ring.enter(kGet, 2, 1'000'000), 1);
  EXPECT_EQ(ring.enter(kGet, 2, 1'000'000), 0);  // There is a CQE.
}

TEST_F(FakeRingTest, AnInterruptedWaitSaysSoUnlessItHasDoneSomething) {  // U18
  Choices list(std::vector<uint32_t>{1, 1, 1, 1, 1, 1, 1, 1});
  FakeKernel interrupted(list, {});
  interrupted.world().faults.enter_eintr = 1;
  TestRing ring(interrupted);
  EXPECT_EQ(ring.enter(kGet, 1), -EINTR);
  ring.nop(1);
  EXPECT_EQ(ring.enter(kGet, 2), 1);
}

TEST_F(FakeRingTest, AWaitForNothingIsADeadlock) {
  TestRing ring(kernel);
  std::string said;
  kernel.set_deadlock([&](const std::string& what) { said = what; });
  EXPECT_EQ(ring.wait(), -EINTR);
  EXPECT_NE(said.find("ring 0 waits for ever"), std::string::npos) << said;
}

TEST_F(FakeRingTest, TheRuntimeFindsWhatTheKernelHas) {
  Environment environment = inspect(kernel);
  EXPECT_EQ(to_string(environment.features),
            "no_sqarray,registered_ring_fd,sync_message,bundles,incremental_buffers");
  EXPECT_TRUE(kernel.leftovers().none()) << kernel.leftovers().text();
}

TEST_F(FakeRingTest, AClosedRingLetsItsFilesGoLater) {  // U46
  auto ring = std::make_unique<TestRing>(kernel);
  int fd = kernel.event_fd();
  ring->add(1, [fd](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, fd, POLLIN); });
  ring->enter();
  EXPECT_EQ(kernel.leftovers().requests, 1u);
  kernel.close(fd);
  ring->close();
  EXPECT_EQ(kernel.leftovers().requests, 0u);
  EXPECT_FALSE(kernel.world().events.empty());
  pass(7'000'000);
  EXPECT_TRUE(kernel.world().events.empty());
}

// As on Linux, where whoever is inside holds the file; once the wait went on in a ring that was
// gone.
TEST_F(FakeRingTest, ARingThatIsClosedUnderAWaitLastsUntilItsEnd) {  // U46
  Scheduler scheduler(kernel.world(), {.preempt_one_in = 0});
  kernel.set_execution(scheduler);
  std::unique_ptr<TestRing> ring;
  __kernel_timespec later{.tv_sec = 0, .tv_nsec = 50'000'000};  // than any teardown
  std::string seen;
  scheduler.add(
      "waits",
      [&] {
        ring = std::make_unique<TestRing>(kernel);
        ring->add(1, [&](io_uring_sqe* sqe) { io_uring_prep_timeout(sqe, &later, 0, 0); });
        EXPECT_EQ(ring->wait(), 1);
        seen = text(ring->reap());
      },
      [] {});
  scheduler.add(
      "closes",
      [&] {
        while (ring == nullptr || ring->ring.ring_fd == 0) scheduler.give_way();
        scheduler.spend(1'000'000);
        scheduler.give_way();
        ring->close();
      },
      [] {});
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_EQ(seen, "1:-62");
  EXPECT_TRUE(kernel.leftovers().none()) << kernel.leftovers().text();
  kernel.set_execution(alone);
  pass(7'000'000);
  EXPECT_TRUE(kernel.world().events.empty());
}

}  // namespace
}  // namespace gatio::fakes
