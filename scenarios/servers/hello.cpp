#include "scenarios/servers/hello.hpp"

namespace scenarios {

namespace {

gatio::Task<void> hello(const gatio::http::Request&, gatio::http::Response& response) {
  response.content_type("text/plain").body("Hello, World!");
  co_return;
}

}  // namespace

gatio::Result<void> serve_hello(gatio::Runtime& runtime, const Arguments& arguments) {
  runtime.add_handler("hello", hello);
  runtime.add_listener(arguments.http_listener("hello"));
  return {};
}

}  // namespace scenarios
