// Stop signals of a running Runtime.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/driver/waits.hpp"
#include "runtime/kernel/linux_kernel.hpp"
#include "runtime/ring/testing.hpp"
#include "runtime/runtime.hpp"

namespace gatio {
namespace {

RuntimeOptions one_driver() {
  RuntimeOptions options;
  options.config.tpcs = {config::TpcConfig{{}, *config::parse_mix("1both")}};
  options.config.without = {to_string(test_features())};
  options.stop_signals = {SIGUSR1};
  return options;
}

TEST(RuntimeSignals, ASignalShutsTheRuntimeDown) {
  LinuxKernel kernel;
  Ring probe;
  GATIO_OPEN_RING(probe, kernel, test_options());
  Runtime runtime(kernel, one_driver());
  runtime.on_start([]() -> Task<void> {
    kill(getpid(), SIGUSR1);
    co_return;
  });
  EXPECT_TRUE(runtime.run());
}

// The second one stayed pending and killed the process as soon as run() restored the signal mask.
TEST(RuntimeSignals, ASignalRepeatedDuringTheDrainDoesNotKillTheProgram) {
  LinuxKernel kernel;
  Ring probe;
  GATIO_OPEN_RING(probe, kernel, test_options());
  Runtime runtime(kernel, one_driver());
  runtime.on_start([]() -> Task<void> {
    kill(getpid(), SIGUSR1);
    Result<void> slept = co_await sleep_for(std::chrono::hours(1));
    EXPECT_EQ(slept.error().code, ECANCELED);
    kill(getpid(), SIGUSR1);
  });
  EXPECT_TRUE(runtime.run());
}

}  // namespace
}  // namespace gatio
