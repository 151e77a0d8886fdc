// An HTTP server on port 8080 with two routes: GET / and POST /shout, which answers with the body
// in capitals.
#include <signal.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <gatio.hpp>
#include <string>

using gatio::http::Method;

gatio::Task<void> routes(const gatio::http::Request& request, gatio::http::Response& response) {
  response.content_type("text/plain");
  if (request.path() == "/" && request.method() == Method::Get) {
    response.body("Try: curl -d hello localhost:8080/shout\n");
  } else if (request.path() == "/shout" && request.method() == Method::Post) {
    std::string text(request.body());
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    response.body(text);
  } else {
    response.status(404).body("There is no such page.\n");
  }
  co_return;
}

int main() {
  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {.stop_signals = {SIGINT, SIGTERM}});
  runtime.add_handler("routes", routes);
  runtime.add_listener({.port = 8080, .handler = "routes", .limits = {.body_bytes = 65'536}});
  gatio::Result<void> ran = runtime.run();
  if (!ran) std::fprintf(stderr, "http: %s\n", ran.error().message().c_str());
  return ran ? 0 : 1;
}
