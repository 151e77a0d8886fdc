// When a run must be over, if ever: what --quick promises. Every wait of the run asks it how long
// it may take. A plain value; any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace gatio::harness {

struct Deadline {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> at;  // nothing: there is none

  [[nodiscard]] bool exists() const { return at.has_value(); }
  [[nodiscard]] bool within(Clock::duration time) const { return at && Clock::now() + time > *at; }
  [[nodiscard]] bool passed() const { return within({}); }
  // `most_ms`, or what is left, but never less than a server needs that is in order.
  [[nodiscard]] int bound_ms(int most_ms) const {
    if (!at) return most_ms;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*at - Clock::now());
    return static_cast<int>(std::clamp<long>(left.count(), std::min(kLeastMs, most_ms), most_ms));
  }

  static constexpr int kLeastMs = 1000;
};

}  // namespace gatio::harness
