// What tests of a whole runtime share: a Runtime on the real kernel that serves on a thread of its
// own, and a clock that the test moves on. For tests only; made, used and stopped by the test's
// thread.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "runtime/gatio.hpp"

namespace gatio::testing {

// The real kernel with a clock that a test can put forward, so that no test waits for a time-out.
class AdvancingKernel final : public LinuxKernel {
 public:
  uint64_t now_ns() override {
    return LinuxKernel::now_ns() + advance_ns_.load(std::memory_order_relaxed);
  }
  // Relaxed: the clock is nobody's message; whoever reads it late reads it again.
  void advance(uint64_t ns) { advance_ns_.fetch_add(ns, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> advance_ns_{0};
};

// Why this machine cannot run `mix`, or an empty text.
std::string reason_to_skip(const std::string& mix);

class TestServer {
 public:
  explicit TestServer(const std::string& mix);
  ~TestServer();
  TestServer(const TestServer&) = delete;

  // Set before start(): what the first listener is, and what it serves (`stream` wins).
  config::ListenerConfig listener;
  http::Handler handler;
  StreamHandler stream;
  config::RuntimeConfig& config() { return options_.config; }
  std::vector<std::function<Task<void>()>> start_tasks;

  // Runs the drivers until stop(). The error of a start that failed.
  Result<void> start();
  // Drains, waits until all has ended, and returns what was counted.
  const Metrics& stop();
  // The same if it still runs: what handlers use must outlive it.
  void end() {
    if (thread_.joinable()) stop();
  }
  void request_shutdown() { runtime_->shutdown(); }
  // Waits for the end after request_shutdown(), or after a shutdown from inside.
  const Metrics& wait();

  [[nodiscard]] uint16_t port() const { return port_.load(); }  // any thread
  [[nodiscard]] Runtime& runtime() { return *runtime_; }
  // The n-th driver of the first TPC.
  [[nodiscard]] Driver& driver(size_t index) { return *runtime_->tpcs()[0]->drivers()[index]; }
  // The last driver that runs tasks.
  [[nodiscard]] Driver& last_executing_driver();
  // Puts the drivers' clock forward and lets each of them notice.
  void pass_ms(uint64_t ms);
  // Puts the clock forward while the drivers sleep: they notice with whatever wakes them next.
  void advance_unnoticed_ms(uint64_t ms) { kernel_.advance(ms * 1'000'000); }
  // Returns when every driver has had a few turns: bytes that a client has sent before are parsed
  // then, and what follows from them without waiting for anything else is done.
  void settle();
  void settle(size_t driver_index);  // that driver alone

 private:
  void nudge(Driver& driver);

  AdvancingKernel kernel_;
  RuntimeOptions options_;
  std::unique_ptr<Runtime> runtime_;
  std::thread thread_;
  Result<void> outcome_;
  std::atomic<uint16_t> port_{0};
  Metrics metrics_;
};

// A test that runs once with each mix of roles; skipped where a mix does not fit.
class EachMix : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string reason = reason_to_skip(GetParam()); !reason.empty()) GTEST_SKIP() << reason;
  }
  // Before the members of a derived fixture go, which handlers may use.
  void TearDown() override { server.end(); }
  void start() {
    Result<void> started = server.start();
    ASSERT_TRUE(started) << started.error().message();
  }
  [[nodiscard]] bool is_split() const { return std::string(GetParam()) == "1io+1exec"; }

  TestServer server{GetParam()};
};

inline std::string mix_name(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  if (size_t plus = name.find('+'); plus != name.npos) name[plus] = '_';
  return name;
}

#define GATIO_EACH_MIX(suite)                                                            \
  INSTANTIATE_TEST_SUITE_P(Mix, suite, ::testing::Values("1both", "1io+1exec", "2both"), \
                           ::gatio::testing::mix_name)

// Runs `body` in a forked child, whose limits and filters are its own, and returns its exit code;
// 128 and more: a signal ended it.
int run_in_child(const std::function<int()>& body);

// How many descriptors this process has open.
size_t open_descriptors();

}  // namespace gatio::testing
