#include "runtime/driver/operation.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vector>

#include "runtime/driver/testing.hpp"
#include "runtime/task/when.hpp"

namespace gatio {
namespace {

using namespace std::chrono_literals;

// The operations of a driver of its own (home = owner), and those of an exec driver, which travel.
class OperationTest : public testing::TestWithParam<std::vector<config::Role>> {
 protected:
  void SetUp() override {
    GATIO_NEEDS_RINGS();
    event_fd_ = eventfd(0, EFD_CLOEXEC);
    ASSERT_GE(event_fd_, 0);
  }
  void TearDown() override {
    if (event_fd_ >= 0) close(event_fd_);
    EXPECT_EQ(group_.live_blocks(), 0u);
  }

  Task<Result<int>> read_event(uint64_t& value) {
    co_return co_await SimpleOperation([fd = event_fd_, &value](io_uring_sqe* sqe) {
      io_uring_prep_read(sqe, fd, &value, sizeof value, 0);
    });
  }
  void signal() const {
    uint64_t one = 1;
    ASSERT_EQ(write(event_fd_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

  DriverGroup group_{GetParam()};
  int event_fd_ = -1;
};

INSTANTIATE_TEST_SUITE_P(OwnAndOthers, OperationTest,
                         testing::Values(std::vector{kBoth}, std::vector{kExec, kIo}),
                         [](const auto& info) { return info.index == 0 ? "Both" : "ExecAndIo"; });

TEST_P(OperationTest, BringsItsResult) {
  uint64_t value = 0;
  Result<int> size = 0;
  group_.run([&]() -> Task<void> {
    signal();
    size = co_await read_event(value);
  });
  EXPECT_EQ(size.value_or(0), 8);
  EXPECT_EQ(value, 1u);
}

TEST_P(OperationTest, BringsItsErrno) {
  int code = 0;
  group_.run([&]() -> Task<void> {
    Result<int> closed = co_await SimpleOperation(
        [](io_uring_sqe* sqe) { io_uring_prep_read(sqe, -1, nullptr, 0, 0); });
    code = closed ? 0 : closed.error().code;
  });
  EXPECT_EQ(code, EBADF);
}

TEST_P(OperationTest, APendingOneIsCancelledWithItsTask) {
  uint64_t value = 0;
  Result<int> size = 0;
  group_.run([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      EXPECT_TRUE(scope.spawn([&]() -> Task<void> { size = co_await read_event(value); }));
      (void)co_await sleep_for(2ms);
      scope.request_stop();
    });
  });
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ECANCELED);
  EXPECT_EQ(value, 0u);
}

TEST_P(OperationTest, ACancelThatRacesTheResultHasOneOutcome) {
  int done = 0, cancelled = 0;
  uint64_t read_in_all = 0;
  group_.run([&]() -> Task<void> {
    for (int round = 0; round < 300; ++round) {
      uint64_t value = 0;
      Result<int> size = 0;
      co_await with_scope([&](Scope& scope) -> Task<void> {
        EXPECT_TRUE(scope.spawn([&]() -> Task<void> { size = co_await read_event(value); }));
        for (int i = 0; i < round % 4; ++i) co_await yield();
        if (round % 3 != 0) signal();
        for (int i = 0; i < round % 5; ++i) co_await yield();
        scope.request_stop();
      });
      if (size) {
        ++done;
        read_in_all += value;
        EXPECT_EQ(*size, 8);
      } else {
        ++cancelled;
        EXPECT_EQ(size.error().code, ECANCELED);
        EXPECT_EQ(value, 0u);
      }
    }
    // No event is lost: what no cancelled read took is still there.
    signal();
    uint64_t rest = 0;
    EXPECT_TRUE(co_await read_event(rest));
    read_in_all += rest;
  });
  EXPECT_EQ(done + cancelled, 300);
  EXPECT_EQ(read_in_all, 201u);
  EXPECT_GT(cancelled, 0);
}

TEST_P(OperationTest, AfterTheStopNoneIsBegun) {
  int code = 0;
  uint64_t value = 0;
  group_.run([&]() -> Task<void> {
    signal();
    co_await with_scope([&](Scope& scope) -> Task<void> {
      scope.request_stop();
      EXPECT_TRUE(scope.spawn([&]() -> Task<void> {
        Result<int> size = co_await read_event(value);
        code = size ? 0 : size.error().code;
      }));
      co_return;
    });
  });
  EXPECT_EQ(code, ECANCELED);
  EXPECT_EQ(value, 0u);
}

TEST_P(OperationTest, InABranchIsCancelledAloneWhenAnotherIsFirst) {
  size_t first = 9;
  Result<int> later = 0;
  group_.run([&]() -> Task<void> {
    uint64_t value = 0;
    first = (co_await when_any(read_event(value),
                               []() -> Task<void> { (void)co_await sleep_for(1ms); }()))
                .index;
    signal();
    later = co_await read_event(value);
  });
  EXPECT_EQ(first, 1u);
  EXPECT_EQ(later.value_or(0), 8);
}

TEST(Operation, OfAnExecDriverGoesThroughItsIoDriverAlone) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kExec, kIo});
  group.run([]() -> Task<void> {
    for (int i = 0; i < 10; ++i) {
      Result<int> done =
          co_await SimpleOperation([](io_uring_sqe* sqe) { io_uring_prep_nop(sqe); });
      EXPECT_TRUE(done);
    }
  });
  EXPECT_EQ(group.io_sqes(0), 0u) << "R2: an exec driver submits no I/O";
  EXPECT_EQ(group.io_sqes(1), 10u);
  EXPECT_EQ(group[1].resumptions(), 0u) << "R1: an io driver runs no task";
  EXPECT_GE(group[0].resumptions(), 10u);
}

TEST(Operation, WhereNoDriverDoesIoItFailsWithENODEV) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kExec});
  int code = 0;
  group.run([&]() -> Task<void> {
    Result<int> done = co_await SimpleOperation([](io_uring_sqe* sqe) { io_uring_prep_nop(sqe); });
    code = done ? 0 : done.error().code;
  });
  EXPECT_EQ(code, ENODEV);
}

}  // namespace
}  // namespace gatio
