// An echo server on port 7777: every stream is a task, on all cores of this machine.
#include <signal.h>

#include <cstdio>
#include <gatio.hpp>

gatio::Task<void> echo(gatio::Stream stream) {
  while (true) {
    gatio::Result<gatio::Received> received = co_await stream.receive();
    if (!received || received->empty()) co_return;
    if (!co_await stream.send(received->bytes())) co_return;
  }
}

int main() {
  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {.stop_signals = {SIGINT, SIGTERM}});
  runtime.add_protocol("echo", echo);
  runtime.add_listener({.port = 7777, .protocol = "echo"});
  gatio::Result<void> ran = runtime.run();
  if (!ran) std::fprintf(stderr, "echo: %s\n", ran.error().message().c_str());
  return ran ? 0 : 1;
}
