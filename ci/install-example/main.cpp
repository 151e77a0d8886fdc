// An echo server outside the tree, on the installed library: it talks to itself, says ok and ends.
#include <cstdio>
#include <gatio.hpp>
#include <string>

using gatio::Result;
using gatio::Task;

Task<void> echo(gatio::Stream stream) {
  while (true) {
    Result<gatio::Received> received = co_await stream.receive();
    if (!received || received->empty()) co_return;
    if (!co_await stream.send(received->bytes())) co_return;
  }
}

Task<Result<std::string>> ask(uint16_t port, std::string text) {
  Result<gatio::Stream> stream = co_await gatio::connect("127.0.0.1", port);
  if (!stream) co_return gatio::Error(stream.error());
  Result<void> sent = co_await stream->send(text);
  if (!sent) co_return gatio::Error(sent.error());
  std::string answer;
  while (answer.size() < text.size()) {
    Result<gatio::Received> received = co_await stream->receive();
    if (!received) co_return gatio::Error(received.error());
    if (received->empty()) break;
    answer += received->text();
  }
  co_return answer;
}

int main() {
  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {});
  runtime.add_protocol("echo", echo);
  runtime.add_listener({.port = 0, .protocol = "echo"});
  Result<std::string> answer;
  runtime.on_start([&]() -> Task<void> {
    answer = co_await ask(runtime.endpoints().front().port, "hello");
    runtime.shutdown();
  });
  Result<void> ran = runtime.run();
  if (!ran || !answer) {
    const gatio::Error& error = ran ? answer.error() : ran.error();
    std::fprintf(stderr, "example: %s\n", error.message().c_str());
    return 1;
  }
  bool echoed = *answer == "hello";
  std::printf("example: %s\n", echoed ? "ok" : "the answer is not what was sent");
  return echoed ? 0 : 1;
}
