// What a user can say about a task when spawning it: how urgent it is, where its data lies and how long it
// will compute. Plain values; any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace gatio {

enum class Priority : uint8_t { high, normal, low };
inline constexpr unsigned kPriorities = 3;

struct Hints {
  Priority priority = Priority::normal;
  std::optional<unsigned> near_driver;  // the driver (number within its TPC) that has the task's data in its caches
  uint64_t cost_ns = 0;                 // expected computing time; 0 = unknown: the driver's average is taken
};

}  // namespace gatio
