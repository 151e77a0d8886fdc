// Looks up a name: resolve NAME. getaddrinfo(3) blocks, so it runs on a helper thread; the driver
// goes on meanwhile.
#include <netdb.h>

#include <cstdio>
#include <gatio.hpp>
#include <string>
#include <vector>

// On the helper thread: it must not touch what belongs to a driver.
std::vector<std::string> addresses_of(const std::string& name) {
  std::vector<std::string> addresses;
  addrinfo hints{.ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return addresses;
  for (addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  freeaddrinfo(found);
  return addresses;
}

gatio::Task<void> resolve(std::string name) {
  gatio::Result<std::vector<std::string>> addresses =
      co_await gatio::run_blocking([&name] { return addresses_of(name); });
  if (!addresses) {
    std::fprintf(stderr, "resolve: %s\n", addresses.error().message().c_str());
    co_return;
  }
  for (const std::string& address : *addresses) std::printf("%s\n", address.c_str());
}

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: resolve NAME\n"), 2;
  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {});
  runtime.on_start([&]() -> gatio::Task<void> {
    co_await resolve(argv[1]);
    runtime.shutdown();
  });
  gatio::Result<void> ran = runtime.run();
  if (!ran) std::fprintf(stderr, "resolve: %s\n", ran.error().message().c_str());
  return ran ? 0 : 1;
}
