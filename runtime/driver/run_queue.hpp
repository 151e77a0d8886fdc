// What a driver has to run, in three priorities, first in first out within each. Ageing keeps the
// lower ones alive: a queue that was passed over kMostSkips times is served next (design R5). Owned
// by a driver; its thread only.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/base/intrusive_queue.hpp"
#include "runtime/base/work.hpp"
#include "runtime/task/hints.hpp"

namespace gatio {

class RunQueue {
 public:
  // How often a waiting lower priority is passed over before it has its turn.
  static constexpr unsigned kMostSkips = 16;

  void push(Work& work, Priority priority) {
    auto level = static_cast<size_t>(priority);
    queues_[level].push(&work);
    ++lengths_[level];
    ++length_;
  }

  // The next work to run, or nullptr.
  Work* pop() {
    if (length_ == 0) return nullptr;
    return take(lengths_[kNormal] == length_ ? kNormal : choose());
  }

  [[nodiscard]] bool empty() const { return length_ == 0; }
  [[nodiscard]] uint32_t length() const { return length_; }
  [[nodiscard]] uint32_t length(Priority priority) const {
    return lengths_[static_cast<size_t>(priority)];
  }

 private:
  static constexpr size_t kNormal = static_cast<size_t>(Priority::normal);

  size_t choose() {
    size_t highest = kPriorityCount;
    for (size_t level = 0; level < kPriorityCount; ++level) {
      if (lengths_[level] == 0) continue;
      if (highest == kPriorityCount) {
        highest = level;
      } else if (++skips_[level] >= kMostSkips) {
        return level;
      }
    }
    return highest;
  }

  Work* take(size_t level) {
    skips_[level] = 0;
    --lengths_[level];
    --length_;
    return queues_[level].pop();
  }

  std::array<IntrusiveQueue<Work>, kPriorityCount> queues_;
  std::array<uint32_t, kPriorityCount> lengths_{};
  std::array<unsigned, kPriorityCount> skips_{};
  uint32_t length_ = 0;
};

}  // namespace gatio
