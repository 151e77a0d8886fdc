// Ctrl-C as something to wait for: SIGINT, SIGTERM and SIGHUP are blocked and read from a
// descriptor, so no handler runs and no wait can miss one. They stay blocked when it is gone, or a
// second Ctrl-C would kill the runner while it saves. Made once, by the runner's only thread.
#pragma once

namespace gatio::harness {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Readable from the first signal on, for good: nothing reads it.
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool pending() const { return wait(-1, 0) == Woken::kInterrupt; }

  enum class Woken { kReady, kTimeout, kInterrupt };
  // Waits until `other` (-1: nothing) is readable or a signal has come; the signal wins.
  Woken wait(int other, int timeout_ms) const;

 private:
  int fd_;
};

}  // namespace gatio::harness
