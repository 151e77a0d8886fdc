#include "runtime/driver/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/driver/testing.hpp"
#include "runtime/task/when.hpp"

namespace gatio {
namespace {

using namespace std::chrono_literals;

class SignalsTest : public testing::TestWithParam<std::vector<config::Role>> {
 protected:
  void SetUp() override {
    GATIO_NEEDS_RINGS();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    // The drivers' threads inherit it.
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &set, &before_), 0);
    blocked_ = true;
  }
  void TearDown() override {
    if (blocked_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    EXPECT_EQ(group_.live_blocks(), 0u);
  }

  DriverGroup group_{GetParam()};
  sigset_t before_{};
  bool blocked_ = false;
};

INSTANTIATE_TEST_SUITE_P(OwnAndOthers, SignalsTest,
                         testing::Values(std::vector{kBoth}, std::vector{kExec, kIo}),
                         [](const auto& info) { return info.index == 0 ? "Both" : "ExecAndIo"; });

TEST_P(SignalsTest, ArriveAsAStream) {
  std::vector<int> seen;
  group_.run([&]() -> Task<void> {
    Result<SignalStream> signals = SignalStream::open({SIGUSR1, SIGUSR2});
    EXPECT_TRUE(signals);
    if (!signals) co_return;
    for (int signal : {SIGUSR1, SIGUSR2, SIGUSR1}) {
      kill(getpid(), signal);
      seen.push_back((co_await signals->next()).value_or(0));
    }
  });
  EXPECT_EQ(seen, (std::vector{SIGUSR1, SIGUSR2, SIGUSR1}));
}

TEST_P(SignalsTest, AStopEndsTheWait) {
  int code = 0;
  group_.run([&]() -> Task<void> {
    auto waits = [&]() -> Task<void> {
      Result<SignalStream> signals = SignalStream::open({SIGUSR1});
      Result<int> signal = co_await signals->next();
      code = signal ? 0 : signal.error().code;
    };
    auto first = []() -> Task<void> { (void)co_await sleep_for(2ms); };
    (void)co_await when_any(waits(), first());
  });
  EXPECT_EQ(code, ECANCELED);
}

}  // namespace
}  // namespace gatio
