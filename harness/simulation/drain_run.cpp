#include "harness/simulation/drain_run.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>

#include "harness/simulation/served_clients.hpp"
#include "runtime/driver/waits.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using std::chrono::microseconds;

class DrainRun {
 public:
  DrainRun(Simulation& simulation, fakes::Choices& choices, const DrainLoad& load)
      : simulation_(simulation), choices_(choices), load_(load) {
    Runtime& runtime = simulation.runtime();
    runtime.add_handler("work", [this](const http::Request& request, http::Response& response) {
      return answer(request, response);
    });
    config::ListenerConfig listener{.protocol = "http"};
    listener.handler = "work";
    listener.buffers = {.count = load.buffers, .size = load.buffer_bytes};
    listener.timeouts.drain_ms = load.drain_ms;
    runtime.add_listener(listener);
    runtime.on_serving([this](const std::vector<Endpoint>& endpoints) { begin(endpoints); });
  }

  void check() {
    check_clients(simulation_, clients_);
    if (load_.patient) check_served(simulation_, clients_);
    if (!load_.patient) check_drained(simulation_, clients_, shutdown_ns_);
    if (simulation_.metrics().cut_off > 0)
      simulation_.falsify("R10: a drain did not end by itself");
    bool somebody_stays = std::ranges::any_of(
        load_.clients, [](const HttpClientOptions& client) { return client.stays_ns > 0; });
    uint64_t deadline_ns = shutdown_ns_ + load_.drain_ms * uint64_t{1'000'000};
    if (!load_.patient && !somebody_stays && simulation_.world().now_ns >= deadline_ns)
      simulation_.falsify("R10: a drain ran into its deadline");
  }

 private:
  uint32_t choose(uint32_t bound) { return choices_.choose(ChoiceKind::program, bound); }

  Task<void> answer(const http::Request& request, http::Response& response) {
    if (load_.computes && choose(2) == 1)
      Driver::current()->kernel().spend(1'000 * choose(load_.most_us));
    if (load_.sleeps && choose(2) == 1)
      (void)co_await sleep_for(microseconds(choose(load_.most_us)));
    response.content_type("text/plain")
        .body(numbered_body(request.target(), load_.clients.front().body_bytes));
  }

  void begin(const std::vector<Endpoint>& endpoints) {
    for (HttpClientOptions client : load_.clients) {
      client.port = endpoints.front().port;
      clients_.emplace_back(simulation_.world(), simulation_.kernel().network(), client);
      clients_.back().start();
    }
    shutdown_ns_ = simulation_.world().now_ns + load_.shutdown_ns;
    if (load_.patient) {
      when_served_ = std::make_unique<ShutdownWhenServed>(simulation_, clients_);
    } else {
      at_ = std::make_unique<ShutdownAt>(simulation_, shutdown_ns_);
    }
  }

  Simulation& simulation_;
  fakes::Choices& choices_;
  const DrainLoad load_;
  std::deque<HttpClient> clients_;
  std::unique_ptr<ShutdownAt> at_;
  std::unique_ptr<ShutdownWhenServed> when_served_;
  uint64_t shutdown_ns_ = 0;
};

}  // namespace

std::string print(const DrainLoad& load) {
  std::string text;
  for (const HttpClientOptions& client : load.clients) {
    text += "client from " + std::to_string(client.first_ns / 1'000) + " us on: " +
            (client.visits ? "asks nothing"
                           : std::to_string(client.requests) + " requests, " +
                                 std::to_string(client.pipeline) + " at once") +
            (client.in_pieces ? ", in pieces" : "") + (client.may_abort ? ", may break off" : "") +
            (client.body_bytes > 0 ? ", large answers" : "") +
            (client.stays_ns > 0 ? ", stays for " + std::to_string(client.stays_ns / 1'000) + " us"
                                 : "") +
            "\n";
  }
  return text + std::to_string(load.buffers) + " buffers of " + std::to_string(load.buffer_bytes) +
         " bytes, handlers take up to " + std::to_string(load.most_us) + " us" +
         (load.computes ? ", compute" : "") + (load.sleeps ? ", sleep" : "") + "; shutdown " +
         (load.patient ? "when all are served"
                       : "after " + std::to_string(load.shutdown_ns / 1'000) + " us") +
         "\n";
}

CaseResult run_drain_load(fakes::Choices& choices, const CaseOptions& options, const Shape& shape,
                          const DrainLoad& load) {
  Simulation simulation(choices, shape.simulation, shape.runtime);
  keep_trace(simulation, choices, options);
  uint64_t begun_ns = simulation.world().now_ns;
  auto run = std::make_unique<DrainRun>(simulation, choices, load);
  Result<void> ran = simulation.run();
  if (!ran) simulation.falsify("S12: the run failed: " + ran.error().message());
  if (simulation.ended() && ran) run->check();
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = print(load);
  if (!simulation.ended()) static_cast<void>(run.release());  // Its tasks live on.
  return result;
}

}  // namespace gatio::harness
