// The only source of randomness: a seeded splitmix64 sequence (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", 2014). Same seed, same sequence, on every compiler. One thread
// at a time.
#pragma once

#include <cstdint>

#include "runtime/base/assert.hpp"

namespace gatio {

class Prng {
 public:
  explicit Prng(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // A number in [0, bound); bound > 0. Multiply-shift: the bias is below bound / 2^64.
  uint64_t below(uint64_t bound) {
    GATIO_ASSERT(bound > 0);
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

 private:
  uint64_t state_;
};

}  // namespace gatio
