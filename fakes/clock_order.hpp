// Which thread is next where each has a clock of its own (Strategy::clocks): those that can run by
// their clocks, those that sleep by the ends of their sleeps. Ties go to the lower number. All of
// it takes the logarithm of the number of threads, for machines of a thousand drivers. Owned by the
// Scheduler; the simulation's one thread only.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "fakes/events.hpp"

namespace gatio::fakes {

class ClockOrder {
 public:
  // It can run, and its clock shows this.
  void can_run(unsigned thread, uint64_t clock_ns) { move(thread, runnable_, clock_ns); }
  // It sleeps until then at the latest; Events::kNever: until it is woken.
  void sleeps(unsigned thread, uint64_t due_ns) {
    due_ns == Events::kNever ? take_out(thread) : move(thread, sleeping_, due_ns);
  }
  // It runs, or has ended.
  void take_out(unsigned thread) {
    if (thread >= places_.size()) places_.resize(thread + 1);
    Place& place = places_[thread];
    if (place.order != nullptr) place.order->erase({place.time_ns, thread});
    place.order = nullptr;
  }

  // Events::kNever where there is none.
  [[nodiscard]] uint64_t first_clock_ns() const { return first_time(runnable_); }
  [[nodiscard]] uint64_t first_due_ns() const { return first_time(sleeping_); }
  // There is one.
  [[nodiscard]] unsigned first_runnable() const { return runnable_.begin()->second; }
  [[nodiscard]] unsigned first_due() const { return sleeping_.begin()->second; }

 private:
  using Order = std::set<std::pair<uint64_t, unsigned>>;
  struct Place {
    Order* order = nullptr;
    uint64_t time_ns = 0;
  };

  static uint64_t first_time(const Order& order) {
    return order.empty() ? Events::kNever : order.begin()->first;
  }
  void move(unsigned thread, Order& order, uint64_t time_ns) {
    take_out(thread);
    order.insert({time_ns, thread});
    places_[thread] = {&order, time_ns};
  }

  Order runnable_;
  Order sleeping_;
  std::vector<Place> places_;  // by thread
};

}  // namespace gatio::fakes
