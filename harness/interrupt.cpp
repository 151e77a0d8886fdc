#include "harness/interrupt.hpp"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/base/assert.hpp"

namespace gatio::harness {
namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t signals = stop_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
  GATIO_ASSERT(fd_ >= 0);
}

Interrupt::~Interrupt() {
  close(fd_);
}

Interrupt::Woken Interrupt::wait(int other, int timeout_ms) const {
  pollfd watched[2] = {{fd_, POLLIN, 0},
                       {other, POLLIN, 0}};  // poll(2) passes over a negative descriptor
  int ready = 0;
  do ready = poll(watched, 2, timeout_ms);
  while (ready < 0 && errno == EINTR);  // stopped and continued by the shell, say
  if (ready <= 0) return Woken::kTimeout;
  return watched[0].revents != 0 ? Woken::kInterrupt : Woken::kReady;
}

}  // namespace gatio::harness
