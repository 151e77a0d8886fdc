#include "harness/simulation/served_clients.hpp"

#include <algorithm>
#include <string>

namespace gatio::harness {
namespace {

// The longest way through the network, and a few turns.
constexpr uint64_t kSurelyArrivedNs = 60'000;

}  // namespace

ShutdownWhenServed::ShutdownWhenServed(Simulation& simulation,
                                       const std::deque<HttpClient>& clients)
    : Event(&fire), simulation_(simulation), clients_(clients) {
  look_again();
}

void ShutdownWhenServed::look_again() {
  simulation_.world().events.schedule(*this, simulation_.world().now_ns + kLookNs);
}

void ShutdownWhenServed::fire(Event* event) {
  auto* self = static_cast<ShutdownWhenServed*>(event);
  bool all = std::ranges::all_of(self->clients_, &HttpClient::content);
  if (!all && ++self->looks_ < kMostLooks) return self->look_again();
  if (!all) self->simulation_.falsify("S1: a client still waits, and nobody shut down");
  self->simulation_.shut_down();
}

void check_served(Simulation& simulation, const std::deque<HttpClient>& clients) {
  bool broken = false;
  for (const HttpClient& client : clients) {
    const HttpClientStats& stats = client.stats();
    // Whoever stays when the server wants to go is cut off in the end.
    broken = broken || stats.aborted || client.options().stays_ns > 0;
    bool got_all = client.options().visits || stats.answered >= client.options().requests;
    if (!stats.aborted && (!got_all || stats.refused > 0))
      simulation.falsify("S1: a client was sent away with " + std::to_string(stats.answered) +
                         " of " + std::to_string(client.options().requests) + " answers");
  }
  if (!broken && simulation.metrics().resets > 0)
    simulation.falsify("S13: a connection broke though no client broke off");
  Sometimes::hit("all clients are served before the shutdown");
}

void check_clients(Simulation& simulation, const std::deque<HttpClient>& clients) {
  const Metrics& metrics = simulation.metrics();
  bool aborted = false;
  uint64_t answered = 0;
  for (const HttpClient& client : clients) {
    const HttpClientStats& stats = client.stats();
    aborted = aborted || stats.aborted;
    if (stats.wrong > 0) simulation.falsify("R10: a wrong answer: " + stats.first_wrong);
    if (stats.partial > 0) simulation.falsify("R10: an answer ended in its middle");
    // Whoever was never accepted is reset when the listener closes, as on Linux (rule U50).
    if (stats.resets > 0 && stats.answered > 0)
      simulation.falsify("R10: a connection was reset that had been served");
    answered += stats.answered;
    if (!client.content()) simulation.falsify("R10: a client still waits");
    Sometimes::hit("a request is answered", stats.answered);
    if (stats.sent > stats.answered) Sometimes::hit("a drain leaves a request unread");
    if (stats.aborted) Sometimes::hit("a client breaks off");
  }
  if (!aborted && (metrics.requests != metrics.answers || answered != metrics.answers))
    simulation.falsify("R10: of " + std::to_string(metrics.requests) + " requests received " +
                       std::to_string(metrics.answers) + " were answered, and " +
                       std::to_string(answered) + " answers arrived");
  if (metrics.bad_requests > 0) simulation.falsify("S8: a request was torn");
}

void check_drained(Simulation& simulation, const std::deque<HttpClient>& clients,
                   uint64_t shutdown_ns) {
  for (const HttpClient& client : clients) {
    const HttpClientStats& stats = client.stats();
    uint64_t next = stats.answered;
    if (stats.aborted || next >= stats.sent) continue;
    if (stats.sent_ns[next] + kSurelyArrivedNs < shutdown_ns)
      simulation.falsify("R10: a request that had arrived before the drain was not answered");
    // Half a request is waited for, unless an answer before it has said that the connection ends.
    bool last_word = next > 0 && stats.answered_ns[next - 1] >= shutdown_ns;
    if (stats.begun_ns[next] + kSurelyArrivedNs < shutdown_ns && !last_word)
      simulation.falsify("R10: a request that had begun before the drain was not answered");
    Sometimes::hit("a request comes too late for the drain");
  }
}

}  // namespace gatio::harness
