// What the directed tests of the rules share: each runs on both kernels, plays steps of a program
// and compares what was seen, as text, with what the rule says. For *_test.cpp only.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>

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
    int result = runner_->set_up();
    ready_ = result == 0;
    ASSERT_EQ(result, 0);
  }
  Observation observe(const Step& step) {
    if (!ready_) return {.result = -ENXIO, .data = 0, .looks = {Look{}}};
    return runner_->run(step);
  }
  // As text, without the hashes of received bytes, and without TASKRUN when submit returns, which
  // is a matter of luck.
  std::string play(const Step& step) {
    Observation seen = observe(step);
    for (Look& look : seen.looks) {
      if (look.moment == Moment::submitted) look.kernel_flags &= ~unsigned{IORING_SQ_TASKRUN};
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

  // Without a program: a listener, and where it listens.
  void listen_on_loopback(int& listener, sockaddr_in& address) {
    listener = kernel().socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(kernel().bind(listener, generic, sizeof address), 0);
    ASSERT_EQ(kernel().listen(listener, 4), 0);
    socklen_t size = sizeof address;
    ASSERT_EQ(kernel().getsockname(listener, generic, &size), 0);
  }

  Choices choices_{std::vector<uint32_t>{}};
  std::unique_ptr<Host> host_;
  Program program_;
  bool ready_ = false;
  std::unique_ptr<Runner> runner_;
};

}  // namespace gatio::fakes::conformance

#define GATIO_ON_BOTH_KERNELS(suite)               \
  INSTANTIATE_TEST_SUITE_P(                        \
      On, suite, testing::Values("linux", "fake"), \
      [](const testing::TestParamInfo<const char*>& info) { return std::string(info.param); })
