#include "fakes/alone.hpp"

#include <algorithm>

namespace gatio::fakes {

bool Alone::sleep(Sleeper& sleeper, uint64_t deadline_ns) {
  sleeper.asleep = true;
  sleeper.woken = false;
  bool possible = true;
  while (!sleeper.woken && possible) {
    uint64_t next = world_.events.next_time_ns();
    if (next >= deadline_ns) {
      possible = deadline_ns != Events::kNever;
      if (possible) world_.now_ns = std::max(world_.now_ns, deadline_ns);
      break;
    }
    world_.fire_next();
  }
  sleeper.asleep = false;
  return possible;
}

void Alone::pass_until(uint64_t time_ns) {
  while (world_.events.next_time_ns() <= time_ns) world_.fire_next();
  world_.now_ns = std::max(world_.now_ns, time_ns);
}

}  // namespace gatio::fakes
