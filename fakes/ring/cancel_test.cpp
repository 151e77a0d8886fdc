// Cancellation, polls and timers: rules U40 to U44, and how the three meet.
#include "fakes/ring/cancel.hpp"

#include <poll.h>

#include <deque>

#include "fakes/ring/test_support.hpp"

namespace gatio::fakes {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr unsigned kMultishotTimeout = 1U << 6;

class FakeCancel : public RingTest {
 protected:
  FakeCancel() : fd(kernel.event_fd()), ring(kernel) {}

  void poll_of(int its_fd, uint64_t user_data, bool multishot = false) {
    ring.add(user_data, [&](io_uring_sqe* sqe) {
      io_uring_prep_poll_add(sqe, its_fd, POLLIN);
      if (multishot) sqe->len = IORING_POLL_ADD_MULTI;
    });
  }
  void poll(uint64_t user_data, bool multishot = false) { poll_of(fd, user_data, multishot); }
  void timeout(uint64_t user_data, uint64_t ns, unsigned flags = 0, unsigned count = 0) {
    times.push_back({.tv_sec = 0, .tv_nsec = static_cast<int64_t>(ns)});
    ring.add(user_data,
             [&](io_uring_sqe* sqe) { io_uring_prep_timeout(sqe, &times.back(), count, flags); });
  }
  void cancel(uint64_t user_data, uint64_t victim, unsigned flags = 0) {
    ring.add(user_data, [&](io_uring_sqe* sqe) {
      io_uring_prep_cancel64(sqe, victim, static_cast<int>(flags));
    });
  }
  void cancel_fd(uint64_t user_data, int victim, unsigned flags = 0) {
    ring.add(user_data, [&](io_uring_sqe* sqe) { io_uring_prep_cancel_fd(sqe, victim, flags); });
  }
  std::string submitted() {
    ring.enter();
    return text(ring.reap());
  }

  int fd;
  std::deque<__kernel_timespec> times;
  TestRing ring;
};

TEST_F(FakeCancel, SaysWhatItFound) {  // U40, U41
  poll(1);
  cancel(2, 1);
  EXPECT_EQ(submitted(), "2:0");
  EXPECT_EQ(text(ring.settle()), "1:-125");
  cancel(3, 1);
  EXPECT_EQ(submitted(), "3:-2");
  cancel(4, 1, 1U << 9);
  EXPECT_EQ(submitted(), "4:-22");
}

TEST_F(FakeCancel, WithoutAllOneVictimTheNewestAtBest) {  // U40
  poll(1);
  poll(1);
  int second = kernel.event_fd();
  poll_of(second, 1);
  cancel(2, 1);
  ring.enter();
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "2:0 1:-125 1:1 1:1");
}

TEST_F(FakeCancel, AllAndAnyCountAndNeverSayNoEntry) {  // U40
  cancel(1, 7, IORING_ASYNC_CANCEL_ALL);
  cancel(2, 0, IORING_ASYNC_CANCEL_ANY);
  EXPECT_EQ(submitted(), "1:0 2:0");
  poll(7);
  poll(7);
  poll(8);
  timeout(9, 100 * kMs);
  cancel(3, 7, IORING_ASYNC_CANCEL_ALL);
  EXPECT_EQ(submitted(), "3:2");
  ring.settle();
  cancel(4, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  EXPECT_EQ(submitted(), "4:2");
  EXPECT_EQ(text(ring.settle()), "8:-125 9:-125");
}

TEST_F(FakeCancel, ByDescriptorMeansTheFile) {  // U40
  poll(1);
  ring.enter();
  int old = fd;
  kernel.close(fd);
  cancel_fd(2, old);
  EXPECT_EQ(submitted(), "2:-9");
  ASSERT_EQ(kernel.event_fd(), old);
  cancel_fd(3, old);
  EXPECT_EQ(submitted(), "3:-2");
  poll(4);
  cancel_fd(5, old, IORING_ASYNC_CANCEL_ALL);
  EXPECT_EQ(submitted(), "5:1");
  EXPECT_EQ(text(ring.settle()), "4:-125");
}

TEST_F(FakeCancel, WinsOverWhatHasComeAndIsNotDelivered) {  // U42
  uint64_t value = 0;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_read(sqe, fd, &value, 8, 0); });
  ring.enter();
  kernel.event_signal(fd);
  cancel(2, 1);
  EXPECT_EQ(submitted(), "2:0");
  EXPECT_EQ(text(ring.settle()), "1:-125");
  EXPECT_EQ(value, 0u);
  ring.add(3, [&](io_uring_sqe* sqe) { io_uring_prep_read(sqe, fd, &value, 8, 0); });
  EXPECT_EQ(submitted(), "3:8");  // Nothing was lost.
  EXPECT_EQ(value, 1u);
}

TEST_F(FakeCancel, FindsNoTimerThatHasExpiredButAMultishotOneLivesOn) {  // U43
  timeout(1, kMs);
  timeout(2, kMs, kMultishotTimeout);
  ring.enter();
  pass(kMs);
  cancel(3, 1);
  cancel(4, 2);
  cancel(5, 2, IORING_ASYNC_CANCEL_ALL);
  EXPECT_EQ(submitted(), "3:-2 4:-2 5:0");
  EXPECT_EQ(text(ring.settle()), "1:-62 2:-62+");
  pass(kMs);
  EXPECT_EQ(text(ring.settle()), "2:-62+");
  cancel(6, 2);
  EXPECT_EQ(submitted(), "6:0");
  EXPECT_EQ(text(ring.settle()), "2:-125");
}

TEST_F(FakeCancel, ACloseLeavesTheRequestAndItsFile) {  // U44
  poll(1);
  ring.enter();
  kernel.close(fd);
  pass(10 * kMs);
  EXPECT_EQ(text(ring.settle()), "");
  cancel(2, 1);
  EXPECT_EQ(text(ring.settle()), "2:0 1:-125");
}

TEST_F(FakeCancel, OfATimerThatIsRemoved) {
  timeout(1, kMs);
  ring.add(2, [](io_uring_sqe* sqe) { io_uring_prep_timeout_remove(sqe, 1, 0); });
  EXPECT_EQ(submitted(), "2:0");
  EXPECT_EQ(text(ring.settle()), "1:-125");
  ring.add(3, [](io_uring_sqe* sqe) { io_uring_prep_timeout_remove(sqe, 1, 0); });
  EXPECT_EQ(submitted(), "3:-2");
}

TEST_F(FakeCancel, ATimerThatIsUpdatedEndsThen) {
  timeout(1, kMs);
  __kernel_timespec later{.tv_sec = 0, .tv_nsec = 5 * kMs};
  ring.add(2, [&](io_uring_sqe* sqe) { io_uring_prep_timeout_update(sqe, &later, 1, 0); });
  EXPECT_EQ(submitted(), "2:0");
  uint64_t start = kernel.now_ns();
  ring.wait();
  EXPECT_EQ(kernel.now_ns(), start + 5 * kMs);
  EXPECT_EQ(text(ring.reap()), "1:-62");
}

TEST_F(FakeCancel, ATimerCountsCqesOrRepeats) {
  timeout(1, 100 * kMs, 0, 2);
  ring.nop(2);
  ring.enter();
  EXPECT_EQ(text(ring.settle()), "2:0");
  ring.nop(3);
  ring.enter();
  EXPECT_EQ(text(ring.settle()), "3:0 1:0");
  timeout(4, kMs, kMultishotTimeout, 3);
  ring.enter();
  for (int i = 0; i < 4; ++i) {
    pass(kMs);
    ring.settle();
  }
  EXPECT_EQ(text({ring.seen.end() - 3, ring.seen.end()}), "4:-62+ 4:-62+ 4:-62");
}

TEST_F(FakeCancel, AnAbsoluteTimerMeansTheClock) {
  uint64_t until = kernel.now_ns() + 3 * kMs;
  times.push_back({.tv_sec = static_cast<int64_t>(until / 1'000'000'000),
                   .tv_nsec = static_cast<int64_t>(until % 1'000'000'000)});
  ring.add(1, [&](io_uring_sqe* sqe) {
    io_uring_prep_timeout(sqe, &times.back(), 0, IORING_TIMEOUT_ABS);
  });
  ring.wait();
  EXPECT_EQ(kernel.now_ns(), until);
  timeout(2, 1, 1U << 30);
  EXPECT_EQ(submitted(), "1:-62 2:-22");
}

TEST_F(FakeCancel, APollIsRemovedUnlessItIsOnItsWay) {
  poll(1);
  ring.add(2, [](io_uring_sqe* sqe) { io_uring_prep_poll_remove(sqe, 1); });
  EXPECT_EQ(submitted(), "2:0");
  EXPECT_EQ(text(ring.settle()), "1:-125");
  poll(3);
  ring.enter();
  kernel.event_signal(fd);
  ring.add(4, [](io_uring_sqe* sqe) { io_uring_prep_poll_remove(sqe, 3); });
  EXPECT_EQ(submitted(), "4:-114");
  EXPECT_EQ(text(ring.settle()), "3:1");
}

TEST_F(FakeCancel, APollThatIsUpdatedWaitsForSomethingElse) {
  poll(1);
  ring.add(2, [](io_uring_sqe* sqe) {
    io_uring_prep_poll_update(sqe, 1, 5, POLLOUT,
                              IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA);
  });
  EXPECT_EQ(submitted(), "2:0");
  EXPECT_EQ(text(ring.settle()), "5:4");
}

TEST_F(FakeCancel, AMultishotPollTellsOfEachSignalOnce) {
  kernel.event_signal(fd);
  poll(1, true);
  EXPECT_EQ(submitted(), "");  // What is ready at once comes by task work.
  EXPECT_EQ(text(ring.settle()), "1:1+");
  kernel.event_signal(fd);
  kernel.event_signal(fd);
  EXPECT_EQ(text(ring.settle()), "1:1+");
  EXPECT_EQ(text(ring.settle()), "");
}

}  // namespace
}  // namespace gatio::fakes
