// A driver's timers: a binary heap by deadline, ties in the order of arming. A timer is embedded in
// what waits for it and knows its place in the heap, so that it can leave in O(log n). Owned by a
// driver; its thread only. No SQE is spent on timers: the next deadline bounds the driver's wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/base/assert.hpp"

namespace gatio {

struct Timer {
  using Expired = void (*)(Timer*);
  explicit Timer(Expired what) : expired(what) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { GATIO_ASSERT(!armed()); }

  [[nodiscard]] bool armed() const { return place != kNowhere; }

  static constexpr size_t kNowhere = SIZE_MAX;
  Expired
      expired;  // called once at the deadline or later, never before; the timer has left the heap
  uint64_t deadline_ns = 0;
  uint64_t order = 0;
  size_t place = kNowhere;
};

class Timers {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  void arm(Timer& timer, uint64_t deadline_ns);
  // Does nothing when the timer is not armed.
  void disarm(Timer& timer);
  // Calls each timer whose deadline has come, in order. One that is armed meanwhile waits for the
  // next call.
  void expire(uint64_t now_ns);

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] uint64_t next_deadline_ns() const {
    return heap_.empty() ? kNever : heap_[0].deadline_ns;
  }

 private:
  struct Entry {
    uint64_t deadline_ns;
    uint64_t order;
    Timer* timer;
    [[nodiscard]] bool before(const Entry& other) const {
      return deadline_ns != other.deadline_ns ? deadline_ns < other.deadline_ns
                                              : order < other.order;
    }
  };

  void put(size_t place, const Entry& entry) {
    heap_[place] = entry;
    entry.timer->place = place;
  }
  void rise(size_t place, Entry entry);
  void sink(size_t place, Entry entry);

  std::vector<Entry> heap_;
  uint64_t next_order_ = 0;
};

}  // namespace gatio
