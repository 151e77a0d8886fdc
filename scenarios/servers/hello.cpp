// Answers every request with the same few bytes: what is left to measure is the runtime.
#include "scenarios/servers/common/server.hpp"

namespace {

gatio::Task<void> hello(const gatio::http::Request&, gatio::http::Response& response) {
  response.content_type("text/plain").body("Hello, World!");
  co_return;
}

gatio::Result<void> serve(gatio::Runtime& runtime, const scenarios::Arguments& arguments) {
  runtime.add_handler("hello", hello);
  runtime.add_listener(arguments.http_listener("hello"));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  return scenarios::server_main(argc, argv, {}, serve);
}
