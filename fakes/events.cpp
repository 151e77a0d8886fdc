#include "fakes/events.hpp"

#include <algorithm>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {

Event::~Event() {
  cancel();
}

void Event::cancel() {
  if (events_ != nullptr) events_->remove(*this);
}

Events::~Events() {
  for (Entry& entry : heap_) entry.event->events_ = nullptr;
}

void Events::schedule(Event& event, uint64_t time_ns) {
  event.cancel();
  event.events_ = this;
  event.time_ns_ = time_ns;
  heap_.push_back({time_ns, ++scheduled_, &event});
  sift_up(heap_.size() - 1);
}

void Events::fire_next() {
  GATIO_ASSERT(!heap_.empty());
  Event* event = heap_[0].event;
  remove(*event);
  event->fire_(event);
}

void Events::remove(Event& event) {
  GATIO_ASSERT(event.events_ == this);
  size_t place = event.place_;
  Entry last = heap_.back();
  heap_.pop_back();
  event.events_ = nullptr;
  if (last.event == &event) return;
  put(place, last);
  sift_up(place);
  sift_down(last.event->place_);
}

void Events::put(size_t place, const Entry& entry) {
  heap_[place] = entry;
  entry.event->place_ = place;
}

void Events::sift_up(size_t place) {
  Entry entry = heap_[place];
  while (place > 0 && entry.before(heap_[(place - 1) / kChildren])) {
    put(place, heap_[(place - 1) / kChildren]);
    place = (place - 1) / kChildren;
  }
  put(place, entry);
}

void Events::sift_down(size_t place) {
  Entry entry = heap_[place];
  for (;;) {
    size_t first = kChildren * place + 1;
    size_t end = std::min(first + kChildren, heap_.size());
    if (first >= end) break;
    size_t child = first;
    for (size_t i = first + 1; i < end; ++i) {
      if (heap_[i].before(heap_[child])) child = i;
    }
    if (!heap_[child].before(entry)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

}  // namespace gatio::fakes
