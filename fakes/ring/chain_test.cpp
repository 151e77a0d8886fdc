// Links, link timeouts, drains and skipped CQEs: rules U7, U35 to U37.
#include <poll.h>

#include <deque>

#include "fakes/ring/test_support.hpp"

namespace gatio::fakes {
namespace {

constexpr uint64_t kMs = 1'000'000;

class FakeChain : public RingTest {
 protected:
  FakeChain() : fd(kernel.event_fd()), ring(kernel) {}

  io_uring_sqe* poll(uint64_t user_data, unsigned flags = 0) {
    return ring.add(
        user_data, [&](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, fd, POLLIN); }, flags);
  }
  // Ends with -EBADF when it is issued.
  void fails(uint64_t user_data, unsigned flags = 0) {
    ring.add(
        user_data, [](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, -1, POLLIN); }, flags);
  }
  void link_timeout(uint64_t user_data, uint64_t ns, unsigned flags = 0) {
    times.push_back({.tv_sec = 0, .tv_nsec = static_cast<int64_t>(ns)});
    ring.add(
        user_data, [&](io_uring_sqe* sqe) { io_uring_prep_link_timeout(sqe, &times.back(), 0); },
        flags);
  }
  std::string submitted() {
    ring.enter();
    return text(ring.reap());
  }

  int fd;
  std::deque<__kernel_timespec> times;
  TestRing ring;
};

TEST_F(FakeChain, GoesOnByTaskWork) {
  ring.nop(1, IOSQE_IO_LINK);
  ring.nop(2, IOSQE_IO_LINK);
  ring.nop(3);
  ring.nop(4);
  EXPECT_EQ(submitted(), "1:0 4:0");
  EXPECT_EQ(text(ring.settle()), "2:0 3:0");
}

TEST_F(FakeChain, IsSeveredByAFailureUnlessItIsHard) {  // U35
  fails(1, IOSQE_IO_LINK);
  ring.nop(2, IOSQE_IO_LINK);
  ring.nop(3);
  ring.nop(4);
  EXPECT_EQ(submitted(), "1:-9 4:0");
  EXPECT_EQ(text(ring.settle()), "2:-125 3:-125");
  fails(5, IOSQE_IO_HARDLINK);
  ring.nop(6);
  EXPECT_EQ(submitted(), "5:-9");
  EXPECT_EQ(text(ring.settle()), "6:0");
}

TEST_F(FakeChain, WithABadSqeRunsNothing) {  // U7
  ring.nop(1, IOSQE_IO_LINK);
  ring.nop(2, IOSQE_IO_LINK)->opcode = 200;
  ring.nop(3);
  ring.nop(4);
  EXPECT_EQ(ring.enter(), 4);
  EXPECT_EQ(text(ring.settle()), "1:-125 4:0 2:-22 3:-125");
}

TEST_F(FakeChain, ALinkTimeoutEndsWithItsOperation) {  // U37
  poll(1, IOSQE_IO_LINK);
  link_timeout(2, kMs);
  ring.enter();
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "1:1 2:-125");
}

TEST_F(FakeChain, ALinkTimeoutEndsItsOperation) {  // U37
  poll(1, IOSQE_IO_LINK);
  link_timeout(2, kMs, IOSQE_IO_LINK);
  ring.nop(3);
  ring.enter();
  pass(kMs);
  EXPECT_EQ(text(ring.settle()), "2:-62 1:-125 3:-125");
}

TEST_F(FakeChain, ALinkTimeoutIsNotMissedByTheNextOfTheChain) {
  poll(1, IOSQE_IO_LINK);
  link_timeout(2, kMs, IOSQE_IO_LINK);
  ring.nop(3);
  ring.enter();
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "1:1 2:-125 3:0");
}

TEST_F(FakeChain, ALinkTimeoutThatComesTooLateSaysSo) {
  poll(1, IOSQE_IO_LINK);
  link_timeout(2, kMs);
  ring.enter();
  kernel.event_signal(fd);
  pass(kMs);  // Both are task work now, the operation first: its cancellation wins.
  std::vector<Cqe> cqes = ring.settle();
  EXPECT_EQ(text(cqes), "1:1 2:-2");
}

TEST_F(FakeChain, ALoneOrDoubledLinkTimeoutIsRefused) {  // U37
  link_timeout(1, kMs);
  EXPECT_EQ(submitted(), "1:-22");
  poll(2, IOSQE_IO_LINK);
  link_timeout(3, kMs, IOSQE_IO_LINK);
  link_timeout(4, kMs);
  ring.enter();
  EXPECT_EQ(text(ring.settle()), "2:-125 3:-125 4:-22");
}

TEST_F(FakeChain, ADrainWaitsAndHoldsBack) {  // U36
  poll(1);
  ring.nop(2, IOSQE_IO_DRAIN);
  ring.nop(3);
  EXPECT_EQ(submitted(), "");
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "1:1 2:0 3:0");
}

TEST_F(FakeChain, ADrainWaitsForTheEndOfAMultishot) {  // U36
  poll(1)->len = IORING_POLL_ADD_MULTI;
  ring.nop(2, IOSQE_IO_DRAIN);
  ring.enter();
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "1:1+");
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "1:1+");
  EXPECT_EQ(kernel.leftovers().requests, 2u);
}

TEST_F(FakeChain, ASkippedCqeComesOnlyOfAFailure) {
  ring.nop(1, IOSQE_CQE_SKIP_SUCCESS);
  fails(2, IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK);
  ring.nop(3);
  ring.enter();
  EXPECT_EQ(text(ring.settle()), "2:-9");
  EXPECT_EQ(kernel.leftovers().requests, 0u);
}

}  // namespace
}  // namespace gatio::fakes
