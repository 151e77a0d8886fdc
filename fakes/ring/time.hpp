// Times as programs give them, in nanoseconds. What the clock cannot count is for ever, as on
// Linux. Pure functions; any thread.
#pragma once

#include <liburing.h>

#include <cstdint>

#include "fakes/events.hpp"

namespace gatio::fakes {

// A negative time is none: it is over at once.
inline uint64_t to_ns(const __kernel_timespec& time) {
  constexpr int64_t kNsPerSecond = 1'000'000'000;
  int64_t ns = 0;
  bool too_long = __builtin_mul_overflow(time.tv_sec, kNsPerSecond, &ns) ||
                  __builtin_add_overflow(ns, time.tv_nsec, &ns);
  if (time.tv_sec < 0 || (!too_long && ns < 0)) return 0;
  return too_long ? Events::kNever : static_cast<uint64_t>(ns);
}

inline uint64_t after(uint64_t start_ns, uint64_t ns) {
  uint64_t end_ns = 0;
  return __builtin_add_overflow(start_ns, ns, &end_ns) ? Events::kNever : end_ns;
}

}  // namespace gatio::fakes
