#include "runtime/driver/timers.hpp"

namespace gatio {

void Timers::arm(Timer& timer, uint64_t deadline_ns) {
  GATIO_ASSERT(!timer.armed());
  timer.deadline_ns = deadline_ns;
  timer.order = next_order_++;
  Entry entry{deadline_ns, timer.order, &timer};
  heap_.push_back(entry);
  rise(heap_.size() - 1, entry);
}

void Timers::disarm(Timer& timer) {
  if (!timer.armed()) return;
  size_t hole = timer.place;
  timer.place = Timer::kNowhere;
  Entry last = heap_.back();
  heap_.pop_back();
  if (hole == heap_.size()) return;
  if (hole > 0 && last.before(heap_[(hole - 1) / 2])) {
    rise(hole, last);
  } else {
    sink(hole, last);
  }
}

void Timers::expire(uint64_t now_ns) {
  uint64_t armed_before = next_order_;
  while (!heap_.empty() && heap_[0].deadline_ns <= now_ns) {
    Timer* timer = heap_[0].timer;
    // A timer that re-arms itself for a time already past must not keep this loop going for ever.
    if (timer->order >= armed_before) return;
    disarm(*timer);
    timer->expired(timer);
  }
}

void Timers::rise(size_t place, Entry entry) {
  while (place > 0) {
    size_t parent = (place - 1) / 2;
    if (!entry.before(heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void Timers::sink(size_t place, Entry entry) {
  while (true) {
    size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(entry)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

}  // namespace gatio
