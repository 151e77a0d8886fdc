// Awaits what is no connection: a timer each second, SIGUSR1, and input on a terminal or pipe. Each
// is armed once and is a stream from then on. Ends with Ctrl-C.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <gatio.hpp>

gatio::Task<void> ticks() {
  gatio::Interval interval(std::chrono::seconds(1));
  while (co_await interval.next()) std::puts("tick");
}

gatio::Task<void> signals() {
  gatio::Result<gatio::SignalStream> stream = gatio::SignalStream::open({SIGUSR1});
  if (!stream) co_return;
  while (co_await stream->next()) std::puts("SIGUSR1");
}

gatio::Task<void> input() {
  gatio::Result<gatio::PollStream> stream = gatio::PollStream::open(STDIN_FILENO, POLLIN);
  if (!stream) co_return;
  while (co_await stream->next()) {
    char text[256];
    ssize_t size = read(STDIN_FILENO, text, sizeof text);  // does not block: there is input
    if (size <= 0) co_return;
    std::printf("input: %.*s", static_cast<int>(size), text);
  }
}

int main() {
  // A signal that is read from a stream must be blocked before the runtime starts its threads.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);

  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {.stop_signals = {SIGINT, SIGTERM}});
  // The shutdown asks the task to stop: whatever it awaits then ends with ECANCELED.
  runtime.on_start(
      []() -> gatio::Task<void> { co_await gatio::when_all(ticks(), signals(), input()); });
  gatio::Result<void> ran = runtime.run();
  if (!ran) std::fprintf(stderr, "events: %s\n", ran.error().message().c_str());
  return ran ? 0 : 1;
}
