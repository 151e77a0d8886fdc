// Property S15 of an HTTP server: each block that a few requests need is refused once, each call
// and operation fails once, each CQE finds no room once. Answers are right, or say 500 or 503, or
// the connection ends.
#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "harness/properties/test_support.hpp"
#include "harness/simulation/http_client.hpp"
#include "runtime/driver/waits.hpp"

namespace gatio::harness {
namespace {

constexpr uint64_t kLookNs = 100'000;
constexpr unsigned kMostLooks = 100;

// Ends the run when all clients have ended, or have had their time.
class Ending : private fakes::Event {
 public:
  Ending(Simulation& simulation, const std::deque<HttpClient>& clients)
      : Event(&look), simulation_(simulation), clients_(clients) {
    simulation_.world().events.schedule(*this, simulation_.world().now_ns + kLookNs);
  }

 private:
  static void look(Event* event) {
    auto* self = static_cast<Ending*>(event);
    bool all = true;
    for (const HttpClient& client : self->clients_) all = all && client.finished();
    if (all || ++self->looks_ == kMostLooks) return self->simulation_.shut_down();
    fakes::World& world = self->simulation_.world();
    world.events.schedule(*self, world.now_ns + kLookNs);
  }
  Simulation& simulation_;
  const std::deque<HttpClient>& clients_;
  unsigned looks_ = 0;
};

void check(Simulation& simulation, const std::deque<HttpClient>& clients, bool may_lose) {
  for (const HttpClient& client : clients) {
    const HttpClientStats& stats = client.stats();
    if (!client.finished()) simulation.falsify("S12: a client still waits");
    bool refused = stats.first_wrong.starts_with("status 50");
    if (refused) Sometimes::hit("a request is answered with an error");
    if (stats.wrong > 0 && !(refused && may_lose))
      simulation.falsify("S8: a wrong answer: " + stats.first_wrong);
    if (stats.answered == client.options().requests) Sometimes::hit("a client gets all answers");
    if (stats.answered < client.options().requests && !may_lose)
      simulation.falsify("S8: a client got " + std::to_string(stats.answered) + " answers");
    if (stats.answered < client.options().requests && !refused)
      Sometimes::hit("a connection ends early");
  }
}

// Two clients, one of which sends three requests at once.
CaseResult run_requests(const Trial& trial, fakes::Choices& choices) {
  Shape shape = shape_of(trial);
  Simulation simulation(choices, shape.simulation, shape.runtime);
  simulation.world().trace.keep(true);
  uint64_t begun_ns = simulation.world().now_ns;
  Runtime& runtime = simulation.runtime();
  runtime.add_handler("number",
                      [](const http::Request& request, http::Response& response) -> Task<void> {
                        (void)co_await sleep_for(std::chrono::microseconds(2));
                        response.content_type("text/plain").body(request.target());
                      });
  config::ListenerConfig listener{.handler = "number"};
  listener.buffers = {.count = 4, .size = 256};
  runtime.add_listener(listener);
  std::deque<HttpClient> clients;
  std::unique_ptr<Ending> ending;
  runtime.on_serving([&](const std::vector<Endpoint>& endpoints) {
    for (uint32_t pipeline : {1u, 3u}) {
      HttpClientOptions client{.port = endpoints.front().port,
                               .requests = pipeline + 1,
                               .pipeline = pipeline,
                               .numbered = true};
      clients.emplace_back(simulation.world(), simulation.kernel().network(), client);
      clients.back().start();
    }
    ending = std::make_unique<Ending>(simulation, clients);
  });
  Result<void> ran = simulation.run();
  bool may_lose = trial.faults != Faults::swept_outages;
  if (!ran && clients.empty() && may_lose) Sometimes::hit("a start fails");
  if (!ran && !(clients.empty() && may_lose))
    simulation.falsify("S12: the run failed: " + ran.error().message());
  if (simulation.ended() && ran) check(simulation, clients, may_lose);
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = print(trial);
  clients.clear();
  return result;
}

void sweep_requests(Faults faults, std::initializer_list<const char*> sometimes) {
  for (const char* mix : {"1both", "1io+1exec", "1io+1exec+1both"}) {
    Trial trial;
    trial.seed = 5;
    trial.shape.mix = mix;
    trial.faults = faults;
    sweep(mix, trial, run_requests, sometimes);
  }
}

TEST(S15, EachBlockOfRequestsIsRefused) {
  sweep_requests(Faults::swept_blocks,
                 {"a client gets all answers", "a request is answered with an error"});
}

TEST(S15, EachCallAndOperationOfRequestsFails) {
  sweep_requests(Faults::swept_calls,
                 {"a start fails", "a client gets all answers", "a connection ends early"});
}

TEST(S15, EachCqeOfRequestsFindsNoRoomAndEachTurnIsLate) {
  sweep_requests(Faults::swept_outages, {"a client gets all answers", "a CQ overflows"});
}

}  // namespace
}  // namespace gatio::harness
