// What a user can say about a task when spawning it: how urgent it is, where its data lies and how
// long it will compute. Plain values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace gatio {

enum class Priority : uint8_t { high, normal, low };
inline constexpr size_t kPriorityCount = 3;

struct Hints {
  Priority priority = Priority::normal;
  // The driver (its number within its TPC) where the task is spawned or where its data is.
  std::optional<unsigned> from_driver;
  uint64_t cost_ns = 0;  // expected computing time; 0 = unknown: the average of its driver is taken
};

}  // namespace gatio
