#include "fakes/conformance/fake_host.hpp"

#include "fakes/alone.hpp"
#include "fakes/fake_kernel.hpp"

namespace gatio::fakes::conformance {
namespace {

// Longer than any packet, task or short timer of a step takes.
constexpr uint64_t kSettleNs = 5'000'000;

// Packets of the real loopback arrive before the sender's system call returns.
FakeKernelOptions options() {
  FakeKernelOptions options;
  options.network.loopback = {.least_delay_ns = 0, .most_delay_ns = 0, .bytes_per_second = 0};
  return options;
}

class FakeHost final : public Host {
 public:
  explicit FakeHost(Choices& choices) : kernel_(choices, options()), alone_(kernel_.world()) {
    kernel_.set_execution(alone_);
  }

  Kernel& kernel() override { return kernel_; }
  void settle(unsigned times) override {
    alone_.pass_until(kernel_.world().now_ns + kSettleNs * times);
  }
  uint64_t short_ns() const override { return kSettleNs; }
  uint64_t wait_ns() const override { return kSettleNs / 5; }
  void as_stranger(const std::function<void()>& body) override {
    alone_.become(1);
    body();
    alone_.become(0);
  }

 private:
  FakeKernel kernel_;
  Alone alone_;
};

}  // namespace

MakeHost make_fake_host() {
  return [](Choices& choices) { return std::make_unique<FakeHost>(choices); };
}

}  // namespace gatio::fakes::conformance
