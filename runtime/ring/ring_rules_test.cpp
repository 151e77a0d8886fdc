// What Ring relies on in the kernel's behaviour, each checked on the real one. The fake kernel must
// do the same.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <vector>

#include "runtime/ring/testing.hpp"

namespace gatio {
namespace {

class RingRules : public testing::Test {
 protected:
  void prepare_nops(unsigned count, Completion& completion) {
    for (unsigned i = 0; i < count; ++i) {
      io_uring_sqe* sqe = ring_.sqe();
      io_uring_prep_nop(sqe);
      complete_to(sqe, completion);
    }
  }

  LinuxKernel kernel_;
  Ring ring_;
  CountingCompletion done_;
};

TEST_F(RingRules, EntriesAreRoundedUpToPowersOfTwo) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(5, 20));
  EXPECT_EQ(ring_.sq_entries(), 8u);
  EXPECT_EQ(ring_.cq_entries(), 32u);
}

TEST_F(RingRules, EntriesBeyondTheLimitAreClamped) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(8, 1 << 20));
  EXPECT_EQ(ring_.cq_entries(), 65536u);
}

TEST_F(RingRules, ABadSqeDoesNotStopTheBatch) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  CountingCompletion bad;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_nop(sqe);
  sqe->opcode = 255;
  complete_to(sqe, bad);
  prepare_nops(3, done_);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(10), 4u);
  EXPECT_EQ(bad.result, -EINVAL);
  EXPECT_EQ(done_.count, 3u);
}

TEST_F(RingRules, AnEventIsHeldBackButAnnouncedUntilAnEnterFetchesIt) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  int fd = kernel_.event_fd();
  prepare_poll_multishot(ring_, fd, POLLIN, done_);
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_FALSE(ring_.needs_enter());
  kernel_.event_signal(fd);
  EXPECT_FALSE(ring_.has_completions());
  EXPECT_TRUE(ring_.needs_enter());
  ASSERT_TRUE(ring_.enter(false));
  EXPECT_EQ(ring_.reap(10), 1u);
  EXPECT_NE(done_.flags & IORING_CQE_F_MORE, 0u);
  kernel_.close(fd);
}

TEST_F(RingRules, AHundredEventsAllArriveWhileTheRingSaysThereAreMore) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(128, 256));
  std::vector<int> fds(100);
  for (int& fd : fds) {
    fd = kernel_.event_fd();
    prepare_poll_multishot(ring_, fd, POLLIN, done_);
  }
  ASSERT_TRUE(ring_.enter(false));
  for (int fd : fds) kernel_.event_signal(fd);
  while (ring_.needs_enter()) ASSERT_TRUE(ring_.enter(false));
  ring_.reap(256);
  EXPECT_EQ(done_.count, 100u);
  for (int fd : fds) kernel_.close(fd);
}

TEST_F(RingRules, AnOverfullCqLosesNothingAndIsFetched) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(8, 8));
  for (int i = 0; i < 3; ++i) {
    prepare_nops(8, done_);
    ASSERT_TRUE(ring_.enter(false));
  }
  EXPECT_TRUE(ring_.needs_enter());
  EXPECT_EQ(ring_.reap(100), 8u);
  while (ring_.needs_enter()) {
    ASSERT_TRUE(ring_.enter(false));
    ring_.reap(100);
  }
  EXPECT_EQ(done_.count, 24u);
  EXPECT_GE(ring_.stats().cq_overflow_events, 1u);
}

TEST_F(RingRules, WhileCqesOverflowNewOnesQueueBehindThem) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(8, 8));
  CountingCompletion late;
  for (int i = 0; i < 2; ++i) {
    prepare_nops(8, done_);
    ASSERT_TRUE(ring_.enter(false));
  }
  ring_.reap(100);
  prepare_nops(1, late);
  ASSERT_TRUE(ring_.enter(false));
  while (late.count == 0) {
    ASSERT_TRUE(ring_.enter(true));
    ring_.reap(1);
  }
  EXPECT_EQ(done_.count, 16u);
}

TEST_F(RingRules, AMultishotThatFindsTheCqFullEndsWithItsResult) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(4, 4));
  int fd = kernel_.event_fd();
  CountingCompletion poll;
  prepare_poll_multishot(ring_, fd, POLLIN, poll);
  ASSERT_TRUE(ring_.enter(false));
  prepare_nops(4, done_);
  ASSERT_TRUE(ring_.enter(false));
  kernel_.event_signal(fd);
  ASSERT_TRUE(ring_.enter(false));  // the event is fetched while the CQ is full
  while (poll.count == 0) {
    ASSERT_TRUE(ring_.enter(true));
    ring_.reap(100);
  }
  EXPECT_EQ(poll.result, POLLIN);
  EXPECT_EQ(poll.flags & IORING_CQE_F_MORE, 0u);
  kernel_.close(fd);
}

}  // namespace
}  // namespace gatio
