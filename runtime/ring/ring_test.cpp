#include "runtime/ring/ring.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "runtime/kernel/faulty_kernel.hpp"
#include "runtime/ring/testing.hpp"

namespace gatio {
namespace {

// Linux, but an enter consumes at most `most` SQEs, or fails with `error`, and is written down.
class ScriptedKernel final : public LinuxKernel {
 public:
  struct Enter {
    unsigned submit;
    unsigned wait;
    unsigned flags;
  };
  unsigned most = ~0U;
  int error = 0;
  std::vector<Enter> enters;

  int ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags, const void* arg,
                 size_t arg_size) override {
    enters.push_back({submit, wait, flags});
    if (error != 0) return -error;
    return LinuxKernel::ring_enter(ring, std::min(submit, most), wait, flags, arg, arg_size);
  }
};

// Writes down in which order its kind completes.
struct OrderedCompletion : Completion {
  int number;
  std::vector<int>* order;

  OrderedCompletion(int number, std::vector<int>& order) : number(number), order(&order) {
    complete = [](Completion* self, int32_t, uint32_t) {
      auto* ordered = static_cast<OrderedCompletion*>(self);
      ordered->order->push_back(ordered->number);
    };
  }
};

io_uring_sqe* prepare_nop(Ring& ring, Completion& completion) {
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_nop(sqe);
  complete_to(sqe, completion);
  return sqe;
}

class RingTest : public testing::Test {
 protected:
  ScriptedKernel kernel_;
  Ring ring_;
  CountingCompletion done_;
};

TEST_F(RingTest, ANopCompletesInTheEnterThatSubmitsIt) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  prepare_nop(ring_, done_);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(10), 1u);
  EXPECT_EQ(done_.count, 1u);
}

TEST_F(RingTest, AnEnterWithNothingToDoIsNoSystemCall) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(kernel_.enters.size(), 0u);
}

TEST_F(RingTest, AWaitIsNoSystemCallWhenCompletionsAreThere) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  prepare_nop(ring_, done_);
  ASSERT_TRUE(ring_.enter(false));
  ASSERT_TRUE(ring_.enter(true));
  EXPECT_EQ(kernel_.enters.size(), 1u);
}

TEST_F(RingTest, ASubmissionAloneDoesNotFetch) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  prepare_nop(ring_, done_);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(kernel_.enters[0].flags & IORING_ENTER_GETEVENTS, 0u);
}

TEST_F(RingTest, ATimeoutIsNoError) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(ring_.enter(true, 1000));
  EXPECT_EQ(ring_.stats().timeouts, 1u);
}

TEST_F(RingTest, AWaitThatSubmitsReturnsWithoutTimeout) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  prepare_nop(ring_, done_);
  ASSERT_TRUE(ring_.enter(true, 0));
  EXPECT_EQ(ring_.stats().timeouts, 0u);
  EXPECT_EQ(ring_.reap(10), 1u);
}

TEST_F(RingTest, WhatIsRefusedForTheMomentGoesWithTheNextEnter) {
  for (int error : {EINTR, EAGAIN, EBUSY}) {
    Ring ring;
    CountingCompletion done;
    GATIO_OPEN_RING(ring, kernel_, test_options());
    prepare_nop(ring, done);
    kernel_.error = error;
    ASSERT_TRUE(ring.enter(true)) << error;
    EXPECT_EQ(ring.queued(), 1u);
    EXPECT_EQ(ring.stats().refusals + ring.stats().interrupts, 1u);
    kernel_.error = 0;
    ASSERT_TRUE(ring.enter(false));
    EXPECT_EQ(ring.reap(10), 1u);
  }
}

TEST_F(RingTest, AShortSubmitGoesOnWithTheNextEnter) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  for (int i = 0; i < 3; ++i) prepare_nop(ring_, done_);
  kernel_.most = 1;
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.queued(), 2u);
  kernel_.most = 5;
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(10), 3u);
  EXPECT_EQ(ring_.stats().sqes, 3u);
}

TEST_F(RingTest, AnyOtherFailureIsAnErrorThatNamesTheCall) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  prepare_nop(ring_, done_);
  for (int error : {EBADF, EBADR}) {
    kernel_.error = error;
    Result<void> entered = ring_.enter(false);
    ASSERT_FALSE(entered);
    EXPECT_EQ(entered.error().code, error);
    EXPECT_NE(entered.error().text.find("io_uring_enter"), std::string::npos);
  }
}

TEST_F(RingTest, AFullSqSubmitsItself) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(8, 64));
  for (int i = 0; i < 20; ++i) prepare_nop(ring_, done_);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(64), 20u);
  EXPECT_EQ(kernel_.enters.size(), 3u);
}

TEST_F(RingTest, SqesThatTheKernelDoesNotTakeFollowInOrder) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(8, 64));
  kernel_.error = EAGAIN;
  std::vector<int> order;
  std::vector<OrderedCompletion> completions;
  for (int i = 0; i < 30; ++i) completions.emplace_back(i, order);
  for (OrderedCompletion& each : completions) prepare_nop(ring_, each);
  EXPECT_EQ(ring_.queued(), 30u);
  EXPECT_EQ(ring_.stats().spilled_sqes, 22u);
  kernel_.error = 0;
  for (int turn = 0; turn < 4; ++turn) ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.queued(), 0u);
  ring_.reap(64);
  ASSERT_EQ(order.size(), 30u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// One of them may wake a driver that is to make what we would wait for.
TEST_F(RingTest, DoesNotSleepWhileSqesAreKeptAside) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(2, 64));
  kernel_.error = EBUSY;
  for (int i = 0; i < 3; ++i) prepare_nop(ring_, done_);
  ASSERT_EQ(ring_.stats().spilled_sqes, 1u);
  kernel_.error = 0;
  ASSERT_TRUE(ring_.enter(true));
  EXPECT_EQ(kernel_.enters.back().wait, 0u);
  EXPECT_EQ(ring_.queued(), 1u);
  ring_.reap(64);
  ASSERT_TRUE(ring_.enter(true));
  EXPECT_EQ(kernel_.enters.back().wait, 1u);
  EXPECT_EQ(ring_.reap(64), 1u);
}

TEST_F(RingTest, ReapStopsAtItsLimit) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  for (int i = 0; i < 5; ++i) prepare_nop(ring_, done_);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(3), 3u);
  EXPECT_TRUE(ring_.has_completions());
  EXPECT_EQ(ring_.reap(3), 2u);
  EXPECT_FALSE(ring_.has_completions());
}

// Prepares as many NOPs as it is told, from within reap().
struct SpawningCompletion : Completion {
  Ring* ring;
  Completion* next;
  int count;
};

TEST_F(RingTest, ACompletionMayFillTheSq) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(4, 64));
  SpawningCompletion spawning{{}, &ring_, &done_, 10};
  spawning.complete = [](Completion* self, int32_t, uint32_t) {
    auto* from = static_cast<SpawningCompletion*>(self);
    for (int i = 0; i < from->count; ++i) prepare_nop(*from->ring, *from->next);
  };
  prepare_nop(ring_, spawning);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(1), 1u);
  ASSERT_TRUE(ring_.enter(false));
  ring_.reap(64);
  EXPECT_EQ(done_.count, 10u);
}

TEST_F(RingTest, ReapingWithinReapIsABug) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  SpawningCompletion nested{{}, &ring_, nullptr, 0};
  nested.complete = [](Completion* self, int32_t, uint32_t) {
    static_cast<SpawningCompletion*>(self)->ring->reap(1);
  };
  prepare_nop(ring_, nested);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_DEATH(ring_.reap(1), "assertion failed");
}

TEST_F(RingTest, ACqeForNobodyIsOnlyCounted) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  io_uring_prep_nop(ring_.sqe());
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(10), 1u);
  EXPECT_EQ(ring_.stats().cqes, 1u);
  EXPECT_EQ(ring_.stats().wake_cqes, 0u);
}

TEST_F(RingTest, AMessageEndsTheWaitOfAnotherRing) {
  Ring target;
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  GATIO_OPEN_RING(target, kernel_, test_options());
  CountingCompletion failed;
  send_message(ring_, target.fd(), failed);
  ASSERT_TRUE(ring_.enter(false));
  ASSERT_TRUE(target.enter(true));
  EXPECT_EQ(target.reap(10), 1u);
  EXPECT_EQ(target.stats().wake_cqes, 1u);
  EXPECT_EQ(ring_.stats().wake_sqes, 1u);
  EXPECT_EQ(ring_.reap(10), 0u);
}

TEST_F(RingTest, AMessageThatCannotBeDeliveredTellsItsSender) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  CountingCompletion failed;
  send_message(ring_, -1, failed);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(10), 1u);
  EXPECT_EQ(failed.count, 1u);
  EXPECT_LT(failed.result, 0);
}

TEST_F(RingTest, AThreadWithoutARingCanWakeOneWhereTheKernelKnowsHow) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  if (!ring_.features().sync_message) {
    GTEST_SKIP() << "sync_message is switched off, or this kernel is older than Linux 6.13";
  }
  ASSERT_EQ(kernel_.ring_message(ring_.fd(), kWakeUserData), 0);
  ASSERT_TRUE(ring_.enter(true));
  ring_.reap(10);
  EXPECT_EQ(ring_.stats().wake_cqes, 1u);
}

TEST_F(RingTest, ACancelledOperationEndsByItsOwnCqe) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  int fd = kernel_.event_fd();
  prepare_poll_multishot(ring_, fd, POLLIN, done_);
  prepare_cancel(ring_.sqe(), done_);
  ASSERT_TRUE(ring_.enter(false));
  while (done_.count == 0) {
    ASSERT_TRUE(ring_.enter(true));
    ring_.reap(10);
  }
  EXPECT_EQ(done_.result, -ECANCELED);
  EXPECT_EQ(done_.flags & IORING_CQE_F_MORE, 0u);
  kernel_.close(fd);
}

TEST_F(RingTest, FeaturesThatAreSwitchedOffAreNotUsed) {
  RingOptions options = test_options();
  options.without = *parse_features("all");
  GATIO_OPEN_RING(ring_, kernel_, options);
  EXPECT_EQ(ring_.features(), Features{});
  prepare_nop(ring_, done_);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(10), 1u);
}

TEST(RingOpen, AKernelWithoutTheOptionalFlagStillGivesARing) {
  LinuxKernel linux_kernel;
  FaultyKernel kernel(linux_kernel);
  Ring ring;
  RingOptions options = test_options();
  options.without.no_sqarray = false;
  kernel.fail(Door::ring_setup, 1, EINVAL);
  kernel.fail(Door::ring_register, 1, EBUSY);
  GATIO_OPEN_RING(ring, kernel, options);
  EXPECT_FALSE(ring.features().no_sqarray);
  EXPECT_FALSE(ring.features().registered_ring_fd);
  CountingCompletion done;
  prepare_nop(ring, done);
  ASSERT_TRUE(ring.enter(false));
  EXPECT_EQ(ring.reap(10), 1u);
}

TEST(RingOpen, ARefusedSetupSaysWhichCallAndWhatToDo) {
  LinuxKernel linux_kernel;
  FaultyKernel kernel(linux_kernel);
  kernel.fail(Door::ring_setup, 1, ENOSYS);
  Ring ring;
  Result<void> opened = ring.open(kernel, test_options());
  ASSERT_FALSE(opened);
  EXPECT_FALSE(ring.is_open());
  EXPECT_NE(opened.error().text.find("io_uring_setup"), std::string::npos) << opened.error().text;
  EXPECT_NE(opened.error().text.find("use Linux 6.1"), std::string::npos) << opened.error().text;
}

TEST(RingOpen, ACqSmallerThanTheSqIsRefused) {
  LinuxKernel kernel;
  Ring ring;
  EXPECT_EQ(ring.open(kernel, test_options(16, 8)).error().code, EINVAL);
  EXPECT_EQ(ring.open(kernel, test_options(0, 8)).error().code, EINVAL);
}

TEST(RingOpen, AnyFailingCallLeavesNoRing) {
  LinuxKernel linux_kernel;
  FaultyKernel kernel(linux_kernel);
  {
    Ring ring;
    GATIO_OPEN_RING(ring, kernel, test_options());
  }
  uint64_t calls = kernel.calls();
  for (uint64_t nth = 1; nth <= calls; ++nth) {
    kernel.reset();
    kernel.fail_any(nth, ENOMEM);
    {
      Ring ring;
      static_cast<void>(ring.open(kernel, test_options()));
    }
    EXPECT_EQ(kernel.open_rings(), 0u) << "call " << nth;
  }
}

}  // namespace
}  // namespace gatio
