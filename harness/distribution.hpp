// How often a figure had which value: exact where it is small, rounded down to a multiple of 32
// above, all alike where it is huge. Zeroed memory is an empty one, so that it can lie in memory
// that processes share. One writer at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gatio::harness {

struct Distribution {
  static constexpr uint64_t kExact = 2048;
  static constexpr uint64_t kStep = 32;
  static constexpr unsigned kBuckets = 4096;
  uint64_t times[kBuckets];

  void add(uint64_t value) {
    uint64_t bucket = value < kExact ? value : kExact + (value - kExact) / kStep;
    ++times[std::min<uint64_t>(bucket, kBuckets - 1)];
  }
  void add(const Distribution& other) {
    for (unsigned i = 0; i < kBuckets; ++i) times[i] += other.times[i];
  }
  // The smallest value that half of all do not exceed; 0 where there is none.
  [[nodiscard]] uint64_t median() const {
    uint64_t all = 0;
    for (uint64_t each : times) all += each;
    uint64_t seen = 0;
    for (unsigned i = 0; i < kBuckets; ++i) {
      seen += times[i];
      if (all > 0 && 2 * seen >= all) return i < kExact ? i : kExact + (i - kExact) * kStep;
    }
    return 0;
  }
};

}  // namespace gatio::harness
