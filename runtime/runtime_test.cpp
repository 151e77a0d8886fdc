#include "runtime/runtime.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "runtime/driver/testing.hpp"
#include "runtime/gatio.hpp"
#include "runtime/kernel/faulty_kernel.hpp"

namespace gatio {
namespace {

using namespace std::chrono_literals;

size_t open_descriptors() {
  auto entries = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

class RuntimeTest : public testing::Test {
 protected:
  void SetUp() override {
    GATIO_NEEDS_RINGS();
    if (DriverGroup::allowed_cpus().size() < 2) GTEST_SKIP() << "needs two CPUs";
  }

  static RuntimeOptions options(const std::string& mix, bool with_listener = false) {
    RuntimeOptions options;
    Result<config::Mix> parsed = config::parse_mix(mix);
    EXPECT_TRUE(parsed);
    config::TpcConfig tpc;
    tpc.drivers = *parsed;
    options.config.tpcs = {tpc};
    options.config.heap_mb = 64;
    options.config.sq_entries = 64;
    options.config.cq_entries = 256;
    options.config.without = without();
    options.cpus = {DriverGroup::allowed_cpus()[0], DriverGroup::allowed_cpus()[1]};
    if (with_listener) {
      config::ListenerConfig listener;
      listener.buffers = {.count = 16, .size = 4096};
      options.config.listeners = {listener};
    }
    return options;
  }
  static std::vector<std::string> without() {
    std::vector<std::string> names;
    const char* list = std::getenv("GATIO_WITHOUT");
    std::string text = list == nullptr ? "" : list;
    for (size_t at = 0; at < text.size();) {
      size_t comma = std::min(text.find(',', at), text.size());
      names.push_back(text.substr(at, comma - at));
      at = comma + 1;
    }
    return names;
  }
  static void answer_hello(Runtime& runtime) {
    runtime.add_handler("hello", [](const http::Request&, http::Response& response) -> Task<void> {
      response.body("hello");
      co_return;
    });
  }

  LinuxKernel linux_;
};

TEST_F(RuntimeTest, TwoHundredStartsAndStopsLeaveNothing) {
  size_t before = 0;
  for (int i = 0; i < 200; ++i) {
    if (i == 1) before = open_descriptors();
    Runtime runtime(linux_, options(i % 2 == 0 ? "2both" : "1io+1exec", i % 4 < 2));
    answer_hello(runtime);
    bool ran = false;
    runtime.on_start([&]() -> Task<void> {
      ran = true;
      runtime.shutdown();
      co_return;
    });
    Result<void> outcome = runtime.run();
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_TRUE(ran);
    for (auto& tpc : runtime.tpcs()) EXPECT_EQ(tpc->heap().live_blocks(), 0u);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(RuntimeTest, AShutdownMayComeBeforeTheRunAndTwice) {
  Runtime runtime(linux_, options("2both"));
  int code = 0;
  runtime.on_start([&]() -> Task<void> {
    Result<void> slept = co_await sleep_for(24h);
    code = slept ? 0 : slept.error().code;
  });
  ASSERT_TRUE(runtime.build());
  runtime.shutdown();
  runtime.shutdown();
  EXPECT_TRUE(runtime.run());
  EXPECT_EQ(code, ECANCELED);
}

TEST_F(RuntimeTest, AShutdownMayComeFromAnotherThread) {
  Runtime runtime(linux_, options("1io+1exec"));
  std::atomic<bool> serving{false};
  runtime.on_serving([&](const std::vector<Endpoint>&) { serving = true; });
  ASSERT_TRUE(runtime.build());
  std::thread other([&] {
    while (!serving) std::this_thread::yield();
    runtime.shutdown();
    runtime.shutdown();
  });
  EXPECT_TRUE(runtime.run());
  other.join();
}

TEST_F(RuntimeTest, ASignalShutsItDown) {
  RuntimeOptions with_signal = options("1io+1exec");
  with_signal.stop_signals = {SIGUSR1};
  Runtime runtime(linux_, with_signal);
  runtime.on_start([]() -> Task<void> {
    kill(getpid(), SIGUSR1);
    co_return;
  });
  EXPECT_TRUE(runtime.run());
}

TEST_F(RuntimeTest, WithoutADriverThatExecutesItEndsWithAnError) {
  Runtime runtime(linux_, options("1io"));
  Result<void> outcome = runtime.run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, EINVAL);
}

TEST_F(RuntimeTest, PlacementSpreadsTasksOverTheDriversThatExecute) {
  Runtime runtime(linux_, options("2both"));
  std::atomic<int> ran[2] = {0, 0};
  runtime.on_start([&]() -> Task<void> {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (int i = 0; i < 64; ++i) {
        EXPECT_TRUE(scope.spawn(
            [&]() -> Task<void> {
              ++ran[Driver::current()->options().index];
              Driver::current()->kernel().spend(100'000);
              co_return;
            },
            Hints{.cost_ns = 100'000}));
      }
      co_return;
    });
    runtime.shutdown();
  });
  EXPECT_TRUE(runtime.run());
  EXPECT_GT(ran[0].load(), 0);
  EXPECT_GT(ran[1].load(), 0);
}

TEST_F(RuntimeTest, PlacementNeverGivesATaskToAnIoDriver) {
  Runtime runtime(linux_, options("1io+1exec"));
  runtime.on_start([&]() -> Task<void> {
    for (int i = 0; i < 20; ++i) {
      Result<Executor*> placed = Driver::current()->place({});
      EXPECT_TRUE(placed);
      EXPECT_TRUE((*placed)->executes());
      Result<Decision> decision =
          runtime.tpcs()[0]->explain(*runtime.driver({0, 1}), Hints{.from_driver = 0});
      EXPECT_EQ(decision->candidates.size(), 1u);
    }
    runtime.shutdown();
    co_return;
  });
  EXPECT_TRUE(runtime.run());
  EXPECT_EQ(runtime.metrics().drivers[0].tasks, 0u);
  EXPECT_EQ(runtime.metrics().drivers[1].io_sqes, 0u);
}

// S15, C3: every call that a start makes fails once. Whatever it was, the run ends by itself, with
// a sentence if it ends with an error, and nothing is left open.
void fail_every_call(LinuxKernel& linux, const RuntimeOptions& options, void (*prepare)(Runtime&),
                     int error) {
  int errors = 0;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    FaultyKernel kernel(linux);
    kernel.fail_any(nth, error);
    bool started = false;
    {
      Runtime runtime(kernel, options);
      prepare(runtime);
      // Not in the start task, whose frame may be what finds no memory.
      runtime.on_serving([&](const std::vector<Endpoint>&) {
        started = true;
        runtime.shutdown();
      });
      runtime.on_start([]() -> Task<void> { co_await yield(); });
      Result<void> outcome = runtime.run();
      EXPECT_TRUE(outcome || !outcome.error().message().empty());
      EXPECT_TRUE(!outcome || started);
      errors += outcome ? 0 : 1;
    }
    EXPECT_EQ(kernel.open_descriptors(), 0u);
    EXPECT_EQ(kernel.open_rings(), 0u);
    EXPECT_EQ(kernel.mapped_bytes(), 0u);
    if (kernel.faults() == 0) break;
    ASSERT_LT(nth, 2000u);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(errors, 5);
}

TEST_F(RuntimeTest, EachCallOfAStartMayFail) {
  fail_every_call(
      linux_, options("2both"), [](Runtime&) {}, EIO);
}

TEST_F(RuntimeTest, EachCallOfAStartWithAPortMayFail) {
  fail_every_call(linux_, options("2both", true), &answer_hello, ENOMEM);
}

TEST_F(RuntimeTest, EachCallOfAStartWithAnExecDriverMayFail) {
  fail_every_call(linux_, options("1io+1exec", true), &answer_hello, EMFILE);
}

TEST_F(RuntimeTest, ATaskOnATpcWithoutExecutingDriversRunsOnTheNearest) {
  GTEST_SKIP() << "needs a machine with two NUMA nodes";
}

TEST_F(RuntimeTest, ABuildThatFailsLeavesNoEndpoint) {
  RuntimeOptions two = options("2both", true);
  two.config.listeners.push_back(two.config.listeners[0]);
  two.config.listeners[0].name = "one";
  two.config.listeners[1].name = "two";
  FaultyKernel kernel(linux_);
  Runtime runtime(kernel, two);
  answer_hello(runtime);
  kernel.fail(Door::socket, 3, EMFILE);  // The first of the second port.
  Result<void> built = runtime.build();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, EMFILE);
  EXPECT_TRUE(runtime.endpoints().empty());
  EXPECT_EQ(kernel.open_descriptors(), 0u);
}

}  // namespace
}  // namespace gatio
