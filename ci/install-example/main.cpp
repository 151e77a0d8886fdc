#include <cstdio>

#include "runtime/base/prng.hpp"
#include "runtime/base/result.hpp"

namespace {

gatio::Result<uint64_t> throw_dice(uint64_t sides) {
  if (sides == 0) return gatio::fail(0, "a die without sides; give it at least one");
  gatio::Prng prng(1);
  return prng.below(sides) + 1;
}

}  // namespace

int main() {
  const auto dice = throw_dice(6);
  if (!dice) {
    std::fprintf(stderr, "%s\n", dice.error().message().c_str());
    return 1;
  }
  std::printf("example: threw a %d\n", static_cast<int>(*dice));
}
