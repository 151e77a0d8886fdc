// What the directed tests of the rules share: each runs on both kernels, plays steps of a program
// and compares what was seen, as text, with what the rule says. For *_test.cpp only.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "fakes/conformance/fake_host.hpp"
#include "fakes/conformance/runner.hpp"

namespace gatio::fakes::conformance {

class Rules : public testing::TestWithParam<const char*> {
 protected:
  static constexpr uint64_t kQuietNs = 1'000'000;

  // The tamest run of the fake, or the real kernel; skips where it gives no ring.
  void SetUp() override {
    if (std::string(GetParam()) == "fake") {
      host_ = make_fake_host()(choices_);
    } else {
      host_ = std::make_unique<LinuxHost>(kQuietNs);
    }
    PlainRing probe;
    int result = probe.open(kernel(), 4, 8);
    if (result == -EPERM || result == -ENOSYS) GTEST_SKIP() << "no io_uring here: " << result;
    ASSERT_GE(result, 0);
  }
  Kernel& kernel() { return host_->kernel(); }

  void begin(std::vector<ObjectKind> objects, std::vector<Group> groups = {},
             uint16_t sq_entries = 32, uint16_t cq_entries = 128, uint8_t rings = 1,
             bool direct = false) {
    program_ = {.rings = rings,
                .sq_entries = sq_entries,
                .cq_entries = cq_entries,
                .direct = direct,
                .objects = std::move(objects),
                .groups = std::move(groups),
                .steps = {}};
    runner_ = std::make_unique<Runner>(*host_, program_);
    ASSERT_EQ(runner_->set_up(), 0);
  }
  Observation observe(const Step& step) { return runner_->run(step); }
  // As text, without the hashes of received bytes.
  std::string play(const Step& step) {
    Observation seen = runner_->run(step);
    for (Look& look : seen.looks) {
      for (Seen& each : look.seen) each.data = 0;
    }
    return to_text(seen);
  }
  std::string submit(std::vector<Request> requests) {
    return play({.kind = StepKind::submit, .requests = std::move(requests)});
  }
  // Without GETEVENTS afterwards.
  std::string submit_only(std::vector<Request> requests) {
    return play({.kind = StepKind::submit, .fetch = Fetch::none, .requests = std::move(requests)});
  }
  std::string act(StepKind kind, int object, uint32_t amount = 0) {
    return play({.kind = kind, .object = object, .amount = amount});
  }

  Choices choices_{std::vector<uint32_t>{}};
  std::unique_ptr<Host> host_;
  Program program_;
  std::unique_ptr<Runner> runner_;
};

}  // namespace gatio::fakes::conformance

#define GATIO_ON_BOTH_KERNELS(suite)               \
  INSTANTIATE_TEST_SUITE_P(                        \
      On, suite, testing::Values("linux", "fake"), \
      [](const testing::TestParamInfo<const char*>& info) { return std::string(info.param); })
