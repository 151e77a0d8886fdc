// A TCP client: client ADDRESS PORT TEXT sends the text and prints as many bytes of answer, within
// five seconds. Try it on the echo server: client 127.0.0.1 7777 hello.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <gatio.hpp>
#include <string>

using gatio::Result;
using gatio::Task;

Task<Result<std::string>> ask(std::string address, uint16_t port, std::string text) {
  Result<gatio::Stream> stream = co_await gatio::connect(address, port);
  if (!stream) co_return gatio::Error(stream.error());
  Result<void> sent = co_await stream->send(text);
  if (!sent) co_return gatio::Error(sent.error());
  std::string answer;
  while (answer.size() < text.size()) {
    Result<gatio::Received> received = co_await stream->receive();
    if (!received) co_return gatio::Error(received.error());
    if (received->empty()) break;  // the peer has ended its stream
    answer += received->text();
  }
  co_return answer;
}

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: client ADDRESS PORT TEXT\n"), 2;
  auto port = static_cast<uint16_t>(std::atoi(argv[2]));
  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {});
  int exit_code = 1;
  runtime.on_start([&]() -> Task<void> {
    Result<Result<std::string>> answer =
        co_await gatio::with_deadline(std::chrono::seconds(5), ask(argv[1], port, argv[3]));
    if (!answer) {
      std::fprintf(stderr, "client: no answer within five seconds\n");
    } else if (!*answer) {
      std::fprintf(stderr, "client: %s\n", answer->error().message().c_str());
    } else {
      std::printf("%s\n", (*answer)->c_str());
      exit_code = 0;
    }
    runtime.shutdown();
  });
  Result<void> ran = runtime.run();
  if (!ran) std::fprintf(stderr, "client: %s\n", ran.error().message().c_str());
  return exit_code;
}
