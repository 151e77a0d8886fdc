// Signals as a stream: a signalfd that is polled once and for all. Owned by a task; used on the
// driver that opened it. The signals must be blocked in every thread of the program before its
// threads start, or they are delivered the old way (signalfd(2)); Runtime::run() does that for
// those in its options.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/driver/operation.hpp"
#include "runtime/driver/poll_stream.hpp"

namespace gatio {

class SignalStream {
 public:
  // Errors: EMFILE, ENOMEM, ENODEV.
  static Result<SignalStream> open(const std::vector<int>& signals) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : signals) sigaddset(&set, signal);
    Kernel& kernel = Driver::current()->kernel();
    int fd = kernel.signal_fd(set);
    if (fd < 0) return fail(-fd, std::string("cannot watch signals: ") + strerrordesc_np(-fd));
    Result<PollStream> events = PollStream::own(fd, POLLIN);
    if (!events) {
      kernel.close(fd);
      return Error(events.error());
    }
    return SignalStream(fd, std::move(*events));
  }

  // The number of the next signal; ECANCELED when the task is asked to stop.
  Task<Result<int>> next() {
    signalfd_siginfo info;
    while (true) {
      Result<int> size = co_await SimpleOperation([fd = fd_, &info](io_uring_sqe* sqe) {
        io_uring_prep_read(sqe, fd, &info, sizeof info, 0);
      });
      if (size) co_return static_cast<int>(info.ssi_signo);
      if (size.error().code != EAGAIN) co_return Error(size.error());
      if (Result<uint32_t> ready = co_await events_.next(); !ready) co_return Error(ready.error());
    }
  }

 private:
  SignalStream(int fd, PollStream events) : fd_(fd), events_(std::move(events)) {}

  int fd_;  // owned by events_
  PollStream events_;
};

}  // namespace gatio
