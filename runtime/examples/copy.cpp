// Copies a file: copy FROM TO.
#include <fcntl.h>

#include <cstdio>
#include <gatio.hpp>
#include <string>
#include <vector>

gatio::Task<gatio::Result<void>> copy(std::string from, std::string to) {
  gatio::Result<gatio::File> source = co_await gatio::File::open(from, O_RDONLY);
  if (!source) co_return gatio::Error(source.error());
  gatio::Result<gatio::File> target =
      co_await gatio::File::open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!target) co_return gatio::Error(target.error());

  std::vector<char> buffer(1 << 18);
  uint64_t offset = 0;
  while (true) {
    gatio::Result<int> size = co_await source->read(buffer, offset);
    if (!size) co_return gatio::Error(size.error());
    if (*size == 0) break;
    std::span<const char> rest(buffer.data(), static_cast<size_t>(*size));
    while (!rest.empty()) {
      gatio::Result<int> written = co_await target->write(rest, offset);
      if (!written) co_return gatio::Error(written.error());
      rest = rest.subspan(static_cast<size_t>(*written));
      offset += static_cast<uint64_t>(*written);
    }
  }
  gatio::Result<int> synced = co_await target->sync();
  if (!synced) co_return gatio::Error(synced.error());
  co_return gatio::Result<void>();
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: copy FROM TO\n"), 2;
  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {});
  gatio::Result<void> copied;
  runtime.on_start([&]() -> gatio::Task<void> {
    copied = co_await copy(argv[1], argv[2]);
    runtime.shutdown();
  });
  gatio::Result<void> ran = runtime.run();
  if (ran) ran = copied;
  if (!ran) std::fprintf(stderr, "copy: %s\n", ran.error().message().c_str());
  return ran ? 0 : 1;
}
