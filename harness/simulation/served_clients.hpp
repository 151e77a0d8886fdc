// The simulated HTTP clients of one run, and what a server owes them: right and whole answers, all
// of them before a shutdown that waits for them, and before any other one those of which the
// request had come when the drain began (R10). Owned by a case; the simulation's one thread only.
#pragma once

#include <cstdint>
#include <deque>

#include "fakes/events.hpp"
#include "harness/simulation/http_client.hpp"
#include "harness/simulation/simulation.hpp"

namespace gatio::harness {

// Shuts down when all clients are content, which must be soon.
class ShutdownWhenServed : private fakes::Event {
 public:
  ShutdownWhenServed(Simulation& simulation, const std::deque<HttpClient>& clients);

 private:
  static constexpr uint64_t kLookNs = 1'000'000;
  static constexpr unsigned kMostLooks = 2'000;
  void look_again();
  static void fire(Event* event);

  Simulation& simulation_;
  const std::deque<HttpClient>& clients_;
  unsigned looks_ = 0;
};

// What holds in any run that has ended.
void check_clients(Simulation& simulation, const std::deque<HttpClient>& clients);
// Nobody shut down before the clients were served: each has got all that it asked for.
void check_served(Simulation& simulation, const std::deque<HttpClient>& clients);
// What had arrived when the drain began is answered.
void check_drained(Simulation& simulation, const std::deque<HttpClient>& clients,
                   uint64_t shutdown_ns);

}  // namespace gatio::harness
