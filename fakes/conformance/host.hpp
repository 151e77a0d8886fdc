// A kernel to run operation programs on, and how time passes there: the real one, where time passes
// by itself, or the fake, where it has to be let pass. Owned by whoever runs programs; one thread.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <thread>

#include "runtime/kernel/kernel.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio::fakes::conformance {

class Host {
 public:
  virtual ~Host() = default;
  virtual Kernel& kernel() = 0;
  // Lets all happen that the last step caused and that takes no more than `times` the usual.
  virtual void settle(unsigned times) = 0;
  // Of a timer that ends within a settled step, but not while the step is being submitted.
  [[nodiscard]] virtual uint64_t short_ns() const = 0;
  // How long to wait at most: not as long as such a timer.
  [[nodiscard]] virtual uint64_t wait_ns() const = 0;
  // Calls `body` as another thread than that of the caller.
  virtual void as_stranger(const std::function<void()>& body) = 0;
};

class LinuxHost final : public Host {
 public:
  // `quiet_ns`: how long nothing must have happened until nothing more is expected.
  explicit LinuxHost(uint64_t quiet_ns) : quiet_ns_(quiet_ns) {
    // A write to a socket that is shut down raises it, and there is no flag against that.
    std::signal(SIGPIPE, SIG_IGN);
  }
  Kernel& kernel() override { return kernel_; }
  void settle(unsigned times) override { kernel_.spend(quiet_ns_ * times); }
  uint64_t short_ns() const override { return 5 * quiet_ns_; }
  uint64_t wait_ns() const override { return quiet_ns_; }
  void as_stranger(const std::function<void()>& body) override { std::thread(body).join(); }

 private:
  LinuxKernel kernel_;
  uint64_t quiet_ns_;
};

}  // namespace gatio::fakes::conformance
