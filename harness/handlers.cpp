#include "harness/handlers.hpp"

#include <charconv>

namespace gatio::harness {

namespace {

constexpr uint64_t kDefaultSpendNs = 1'000;
constexpr uint64_t kMostSpendNs = 1'000'000'000;

Task<void> hello(const http::Request&, http::Response& response) {
  response.content_type("text/plain").body("Hello, World!");
  co_return;
}

Task<void> spend(const http::Request& request, http::Response& response) {
  uint64_t ns = kDefaultSpendNs;
  std::string_view query = request.query();
  if (!query.empty()) {
    bool named = query.substr(0, 3) == "ns=";
    const char* end = query.data() + query.size();
    auto [stop, error] = std::from_chars(query.data() + (named ? 3 : 0), end, ns);
    if (!named || error != std::errc() || stop != end || ns > kMostSpendNs) {
      response.status(400).body("the query is ns=N, N from 0 to 1000000000\n");
      co_return;
    }
  }
  Driver::current()->kernel().spend(ns);
  response.content_type("text/plain").body("Hello, World!");
}

Task<void> echo_body(const http::Request& request, http::Response& response) {
  response.content_type(request.header("content-type").value_or("application/octet-stream"));
  response.body(request.body());
  co_return;
}

Task<void> echo_stream(Stream stream) {
  while (true) {
    Result<Received> received = co_await stream.receive();
    if (!received || received->empty()) co_return;
    if (!co_await stream.send(received->bytes())) co_return;
  }
}

}  // namespace

void add_builtin_handlers(Runtime& runtime) {
  runtime.add_handler("hello", hello);
  runtime.add_handler("spend", spend);
  runtime.add_handler("echo", echo_body);
  runtime.add_protocol("echo", echo_stream);
}

}  // namespace gatio::harness
