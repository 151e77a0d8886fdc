// A ring that stops answering: it takes and does what it is asked for, and shows nothing of it
// until it is healed. And CQEs that find no room though there is some.
#include <poll.h>

#include "fakes/ring/test_support.hpp"

namespace gatio::fakes {
namespace {

constexpr unsigned kGet = IORING_ENTER_GETEVENTS;

// The first choice lets the fault strike, the second says for how long.
class FakeStall : public testing::Test {
 protected:
  explicit FakeStall(uint32_t outage = kOutages - 1)
      : choices_(std::vector<uint32_t>{1, outage}), kernel_(choices_, {}) {
    kernel_.set_execution(alone_);
    kernel_.world().faults.ring_stall = 1;
  }
  Choices choices_;
  FakeKernel kernel_;
  Alone alone_{kernel_.world()};
};

TEST_F(FakeStall, ItTakesAndShowsNothing) {
  TestRing ring(kernel_);
  ring.nop(1);
  EXPECT_EQ(ring.enter(kGet), 1);
  EXPECT_EQ(kernel_.stalled_thread(), 0u);
  EXPECT_EQ(kernel_.ring_message(ring.ring.ring_fd, 2), 0);
  EXPECT_EQ(ring.fetch(), 0);
  EXPECT_EQ(ring.ready(), 0u);
  EXPECT_FALSE(ring.flag(IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
  EXPECT_TRUE(kernel_.stalled_ring_holds_something());
}

TEST_F(FakeStall, HealedItDeliversAllThatItHeldBack) {
  TestRing ring(kernel_);
  ring.nop(1);
  ring.enter(kGet);
  kernel_.ring_message(ring.ring.ring_fd, 2);
  kernel_.world().faults = {};
  kernel_.heal_ring();
  EXPECT_EQ(kernel_.stalled_thread(), std::nullopt);
  EXPECT_TRUE(ring.flag(IORING_SQ_TASKRUN));
  EXPECT_TRUE(ring.flag(IORING_SQ_CQ_OVERFLOW));
  EXPECT_EQ(text(ring.settle()), "1:0 2:0");
}

TEST_F(FakeStall, AWaitEndsWithEintrOrAtItsDeadline) {
  TestRing ring(kernel_);
  uint64_t start_ns = kernel_.now_ns();
  EXPECT_EQ(ring.wait(), -EINTR);
  EXPECT_GT(kernel_.now_ns(), start_ns) << "a wait that takes no time is a hot spin";
  start_ns = kernel_.now_ns();
  EXPECT_EQ(ring.enter(kGet, 1, 10'000), -ETIME);
  EXPECT_EQ(kernel_.now_ns(), start_ns + 10'000);
}

TEST_F(FakeStall, ItMayBeClosedAndLeavesNothing) {
  {
    TestRing ring(kernel_);
    int fd = kernel_.event_fd();
    ring.add(1, [fd](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, fd, POLLIN); });
    ring.enter();
    kernel_.close(fd);
  }
  EXPECT_EQ(kernel_.stalled_thread(), std::nullopt);
  alone_.pass_until(kernel_.now_ns() + 10'000'000);
  EXPECT_TRUE(kernel_.leftovers().none()) << kernel_.leftovers().text();
  EXPECT_TRUE(kernel_.world().events.empty());
}

class FakeShortStall : public FakeStall {
 protected:
  FakeShortStall() : FakeStall(0) {}
};

TEST_F(FakeShortStall, ItEndsByItself) {
  TestRing ring(kernel_);
  ring.nop(1);
  EXPECT_EQ(ring.enter(), 1);
  kernel_.world().faults = {};
  EXPECT_EQ(ring.ready(), 0u);
  alone_.pass_until(kernel_.now_ns() + kShortestOutageNs);
  EXPECT_EQ(kernel_.stalled_thread(), std::nullopt);
  EXPECT_EQ(text(ring.settle()), "1:0");
}

// As with a full CQ: what comes of one request waits outside, in order, and a multishot one ends.
TEST(FakeCqFull, ACqeWaitsOutsideThoughThereIsRoom) {
  Choices strikes_once(std::vector<uint32_t>{1});
  FakeKernel kernel(strikes_once, {});
  kernel.world().faults.cq_full = 1;
  TestRing ring(kernel);
  ring.nop(1);
  ring.nop(2);
  EXPECT_EQ(ring.enter(), 2);
  EXPECT_EQ(ring.ready(), 0u);
  EXPECT_TRUE(ring.flag(IORING_SQ_CQ_OVERFLOW));
  EXPECT_EQ(text(ring.settle()), "1:0 2:0");
}

TEST(FakeCqFull, AMultishotRequestEnds) {
  Choices strikes_once(std::vector<uint32_t>{1});
  FakeKernel kernel(strikes_once, {});
  kernel.world().faults.cq_full = 1;
  TestRing ring(kernel);
  int fd = kernel.event_fd();
  ring.add(7, [fd](io_uring_sqe* sqe) { io_uring_prep_poll_multishot(sqe, fd, POLLIN); });
  ring.enter();
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "7:1") << "without F_MORE";
  kernel.close(fd);
}

}  // namespace
}  // namespace gatio::fakes
