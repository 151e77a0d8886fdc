#include "runtime/driver/poll_stream.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/driver/testing.hpp"
#include "runtime/task/when.hpp"

namespace gatio {
namespace {

using namespace std::chrono_literals;

class PollStreamTest : public testing::TestWithParam<std::vector<config::Role>> {
 protected:
  void SetUp() override {
    GATIO_NEEDS_RINGS();
    fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT_GE(fd_, 0);
  }
  void TearDown() override {
    if (fd_ >= 0) close(fd_);
    EXPECT_EQ(group_.live_blocks(), 0u);
  }
  void signal() const {
    uint64_t one = 1;
    ASSERT_EQ(write(fd_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  void take() const {
    uint64_t value = 0;
    ASSERT_EQ(read(fd_, &value, sizeof value), static_cast<ssize_t>(sizeof value));
  }

  DriverGroup group_{GetParam()};
  int fd_ = -1;
};

INSTANTIATE_TEST_SUITE_P(OwnAndOthers, PollStreamTest,
                         testing::Values(std::vector{kBoth}, std::vector{kExec, kIo}),
                         [](const auto& info) { return info.index == 0 ? "Both" : "ExecAndIo"; });

TEST_P(PollStreamTest, TellsEachEventAndIsArmedOnce) {
  int events = 0;
  group_.run([&]() -> Task<void> {
    Result<PollStream> stream = PollStream::open(fd_, POLLIN);
    EXPECT_TRUE(stream);
    if (!stream) co_return;
    for (int i = 0; i < 20; ++i) {
      signal();
      events += ((co_await stream->next()).value_or(0) & POLLIN) != 0 ? 1 : 0;
      take();
    }
  });
  EXPECT_EQ(events, 20);
  size_t owner = GetParam().size() - 1;
  EXPECT_LE(group_.io_sqes(owner), 2u) << "one to arm it, one to cancel it";
}

TEST_P(PollStreamTest, AnEventThatCameBeforeTheQuestionIsKept) {
  bool seen = false;
  group_.run([&]() -> Task<void> {
    Result<PollStream> stream = PollStream::open(fd_, POLLIN);
    signal();
    (void)co_await sleep_for(2ms);
    seen = (co_await stream->next()).has_value();
  });
  EXPECT_TRUE(seen);
}

TEST_P(PollStreamTest, AStopEndsTheWaitAndTheStreamGoesOn) {
  int code = 0;
  bool seen = false;
  group_.run([&]() -> Task<void> {
    Result<PollStream> stream = PollStream::open(fd_, POLLIN);
    auto waits = [&]() -> Task<void> {
      Result<uint32_t> events = co_await stream->next();
      code = events ? 0 : events.error().code;
    };
    auto first = []() -> Task<void> { (void)co_await sleep_for(1ms); };
    (void)co_await when_any(waits(), first());
    signal();
    seen = (co_await stream->next()).has_value();
  });
  EXPECT_EQ(code, ECANCELED);
  EXPECT_TRUE(seen);
}

TEST_P(PollStreamTest, ClosingItWhileItIsArmedGivesAllBack) {
  group_.run([&]() -> Task<void> {
    for (int i = 0; i < 30; ++i) {
      Result<PollStream> stream = PollStream::open(fd_, POLLIN);
      for (int pause = 0; pause < i % 3; ++pause) (void)co_await sleep_for(200us);
      if (i % 4 == 0) signal();
    }
  });
}

TEST_P(PollStreamTest, ClosingItAtOnceGivesAllBack) {
  bool done = false;
  group_.run([&]() -> Task<void> {
    { Result<PollStream> stream = PollStream::open(fd_, POLLIN); }
    (void)co_await sleep_for(1ms);
    done = true;
  });
  EXPECT_TRUE(done);
}

TEST_P(PollStreamTest, ABadDescriptorIsAnErrorEachTime) {
  int first = 0, second = 0;
  group_.run([&]() -> Task<void> {
    Result<PollStream> stream = PollStream::open(-1, POLLIN);
    Result<uint32_t> events = co_await stream->next();
    first = events ? 0 : events.error().code;
    events = co_await stream->next();
    second = events ? 0 : events.error().code;
  });
  EXPECT_EQ(first, EBADF);
  EXPECT_EQ(second, EBADF);
}

TEST(PollStream, WhereNoDriverDoesIoItFailsWithENODEV) {
  GATIO_NEEDS_RINGS();
  DriverGroup group({kExec});
  int code = 0;
  group.run([&]() -> Task<void> {
    Result<PollStream> stream = PollStream::open(0, POLLIN);
    code = stream ? 0 : stream.error().code;
    co_return;
  });
  EXPECT_EQ(code, ENODEV);
}

}  // namespace
}  // namespace gatio
