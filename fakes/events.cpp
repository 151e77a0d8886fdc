#include "fakes/events.hpp"

#include "runtime/base/assert.hpp"

namespace gatio::fakes {

Event::~Event() {
  cancel();
}

void Event::cancel() {
  if (events_ != nullptr) events_->remove(*this);
}

Events::~Events() {
  for (Event* event : heap_) event->events_ = nullptr;
}

void Events::schedule(Event& event, uint64_t time_ns) {
  event.cancel();
  event.events_ = this;
  event.time_ns_ = time_ns;
  event.number_ = ++scheduled_;
  heap_.push_back(&event);
  event.place_ = heap_.size() - 1;
  sift_up(event.place_);
}

void Events::fire_next() {
  GATIO_ASSERT(!heap_.empty());
  Event* event = heap_[0];
  remove(*event);
  event->fire_(event);
}

void Events::remove(Event& event) {
  GATIO_ASSERT(event.events_ == this);
  size_t place = event.place_;
  Event* last = heap_.back();
  heap_.pop_back();
  event.events_ = nullptr;
  if (last == &event) return;
  put(place, last);
  sift_up(place);
  sift_down(last->place_);
}

void Events::put(size_t place, Event* event) {
  heap_[place] = event;
  event->place_ = place;
}

void Events::sift_up(size_t place) {
  Event* event = heap_[place];
  while (place > 0 && earlier(event, heap_[(place - 1) / 2])) {
    put(place, heap_[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  put(place, event);
}

void Events::sift_down(size_t place) {
  Event* event = heap_[place];
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && earlier(heap_[child + 1], heap_[child])) ++child;
    if (!earlier(heap_[child], event)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, event);
}

}  // namespace gatio::fakes
