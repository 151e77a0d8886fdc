// What is going to happen in virtual time: events embedded in whatever they are about, in the order
// of their time and, at the same time, of their being scheduled. An event that is destroyed is no
// longer scheduled. Owned by the World; the simulation's one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gatio::fakes {

class Events;

class Event {
 public:
  using Fire = void (*)(Event*);
  explicit Event(Fire fire) : fire_(fire) {}
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  [[nodiscard]] bool scheduled() const { return events_ != nullptr; }
  [[nodiscard]] uint64_t time_ns() const { return time_ns_; }
  void cancel();

 private:
  friend class Events;
  Fire fire_;
  Events* events_ = nullptr;
  uint64_t time_ns_ = 0;
  size_t place_ = 0;  // in the heap
};

class Events {
 public:
  static constexpr uint64_t kNever = ~uint64_t{0};

  Events() = default;
  Events(const Events&) = delete;
  ~Events();

  // An event that is already scheduled moves.
  void schedule(Event& event, uint64_t time_ns);
  [[nodiscard]] uint64_t next_time_ns() const { return heap_.empty() ? kNever : heap_[0].time_ns; }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  // Takes the first event off and fires it; there is one.
  void fire_next();

 private:
  friend class Event;
  // With the order beside it: comparing must not fetch ten thousand events into the cache.
  struct Entry {
    uint64_t time_ns;
    uint64_t number;
    Event* event;
    [[nodiscard]] bool before(const Entry& other) const {
      return time_ns != other.time_ns ? time_ns < other.time_ns : number < other.number;
    }
  };
  static constexpr size_t kChildren = 4;  // of a place in the heap: flatter than two

  void remove(Event& event);
  void put(size_t place, const Entry& entry);
  void sift_up(size_t place);
  void sift_down(size_t place);

  std::vector<Entry> heap_;
  uint64_t scheduled_ = 0;
};

}  // namespace gatio::fakes
