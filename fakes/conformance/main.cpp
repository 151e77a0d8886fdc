// fakes_conformance [--seconds N] [--seed S] [--print]: random operation programs on the real
// kernel, each checked against what the fake kernel allows.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "fakes/conformance/generator.hpp"
#include "fakes/conformance/runner.hpp"
#include "fakes/conformance/statistics.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr uint64_t kQuietNs = 60'000;

int main_of(uint64_t seconds, uint64_t seed, bool print) {
  LinuxHost host(kQuietNs);
  Statistics statistics;
  uint64_t start = host.kernel().now_ns();
  uint64_t unstable = 0;
  while (host.kernel().now_ns() - start < seconds * 1'000'000'000) {
    Program program = generate(seed++);
    Record record;
    int result = run_program(host, program, record);
    if (result < 0) { std::printf("setup %d\n", result); return 4; }
    statistics.count(program, record);
    Record again;
    run_program(host, program, again);
    if (!(again == record)) {
      ++unstable;
      if (print) {
        std::printf("seed %lu\n%s", static_cast<unsigned long>(seed - 1), to_text(program).c_str());
        for (size_t i = 0; i < record.size(); ++i) {
          std::printf("%s %zu %s\n", record[i] == again[i] ? "   " : "***", i, to_text(record[i]).c_str());
          if (!(record[i] == again[i])) std::printf("    %zu %s\n", i, to_text(again[i]).c_str());
        }
      }
    }
  }
  std::printf("%sunstable %lu\n", statistics.text().c_str(), static_cast<unsigned long>(unstable));
  return 0;
}

}  // namespace
}  // namespace gatio::fakes::conformance

int main(int argc, char** argv) {
  uint64_t seconds = 5;
  uint64_t seed = 1;
  bool print = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) seconds = std::strtoull(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) seed = std::strtoull(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--print") == 0) print = true;
  }
  return gatio::fakes::conformance::main_of(seconds, seed, print);
}
