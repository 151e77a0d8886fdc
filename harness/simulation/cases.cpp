#include "harness/simulation/cases.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>

#include "harness/simulation/http_client.hpp"
#include "harness/simulation/more_cases.hpp"
#include "harness/simulation/shape.hpp"
#include "harness/simulation/simulation.hpp"
#include "harness/simulation/task_program.hpp"
#include "runtime/driver/waits.hpp"
#include "scenarios/servers/hello.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;

// A program of tasks on drivers without any port.
CaseResult run_tasks(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  bool interrupted = choices.one_in(ChoiceKind::program, 4);
  if (shape.faulty) {
    shape.simulation.faults = {
        .short_transfer = 4, .operation_error = 16, .enter_eintr = 8, .enter_busy = 4};
  }
  ProgramNode root = generate_program(choices, 12);
  std::string printed = print(root);
  Simulation simulation(choices, shape.simulation, shape.runtime);
  simulation.world().trace.keep(options.keep_trace);
  uint64_t begun_ns = simulation.world().now_ns;
  TaskProgram program(simulation, std::move(root));
  simulation.runtime().on_start([&]() -> Task<void> {
    co_await program.run();
    simulation.runtime().shutdown();
  });
  if (interrupted) {
    // What only a stop can end: nothing but the drain asks for it.
    simulation.runtime().on_start(
        []() -> Task<void> { (void)co_await sleep_for(std::chrono::hours(1)); });
  }
  std::unique_ptr<ShutdownAt> early;
  simulation.runtime().on_serving([&](const std::vector<Endpoint>&) {
    if (!interrupted) return;
    early = std::make_unique<ShutdownAt>(
        simulation, begun_ns + 5'000 * choices.choose(ChoiceKind::program, 100));
  });
  Result<void> ran = simulation.run();
  if (!ran) {
    simulation.falsify("S12: the run failed: " + ran.error().message());
  } else if (simulation.ended()) {
    if (!program.done()) simulation.falsify("S1: the program did not come to its end");
    program.check();
    if (simulation.metrics().cut_off_tasks > 0)
      simulation.falsify("S11: a task had to be cut off that ends when it is asked to stop");
  }
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = printed;
  return result;
}

// Asks for it when all clients have got what they asked for, which must be soon.
class ShutdownWhenServed : private fakes::Event {
 public:
  ShutdownWhenServed(Simulation& simulation, const std::deque<HttpClient>& clients)
      : Event(&fire), simulation_(simulation), clients_(clients) {
    look_again();
  }

 private:
  static constexpr uint64_t kLookNs = 1'000'000;
  static constexpr unsigned kMostLooks = 2'000;

  void look_again() {
    simulation_.world().events.schedule(*this, simulation_.world().now_ns + kLookNs);
  }
  static void fire(Event* event) {
    auto* self = static_cast<ShutdownWhenServed*>(event);
    bool all = std::ranges::all_of(self->clients_, &HttpClient::finished);
    if (!all && ++self->looks_ < kMostLooks) return self->look_again();
    if (!all) self->simulation_.falsify("S1: a client still waits, and nobody shut down");
    self->simulation_.shut_down();
  }

  Simulation& simulation_;
  const std::deque<HttpClient>& clients_;
  unsigned looks_ = 0;
};

// Nobody shut down before the clients were served: each has got all that it asked for.
void check_served(Simulation& simulation, const std::deque<HttpClient>& clients,
                  const Metrics& metrics) {
  bool aborted = false;
  for (const HttpClient& client : clients) {
    const HttpClientStats& stats = client.stats();
    aborted = aborted || stats.aborted;
    if (!stats.aborted && (stats.answered < client.options().requests || stats.refused > 0))
      simulation.falsify("S1: a client was sent away with " + std::to_string(stats.answered) +
                         " of " + std::to_string(client.options().requests) + " answers");
  }
  if (!aborted && metrics.resets > 0)
    simulation.falsify("S13: a connection broke though no client broke off");
  Sometimes::hit("all clients are served before the shutdown");
}

// What a drain owes to clients (R10), as they see it.
void check_clients(Simulation& simulation, const std::deque<HttpClient>& clients,
                   const Metrics& metrics) {
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
    if (!client.finished()) simulation.falsify("R10: a client still waits");
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

// What had arrived when the drain began is answered.
void check_drained(Simulation& simulation, const std::deque<HttpClient>& clients,
                   uint64_t shutdown_ns) {
  // The longest way through the network, and a few turns.
  constexpr uint64_t kSurelyArrivedNs = 60'000;
  for (const HttpClient& client : clients) {
    const HttpClientStats& stats = client.stats();
    if (stats.aborted || stats.answered >= stats.sent) continue;
    if (stats.sent_ns[stats.answered] + kSurelyArrivedNs < shutdown_ns)
      simulation.falsify("R10: a request that had arrived before the drain was not answered");
  }
}

// An HTTP server under simulated clients, which is shut down while they ask.
CaseResult run_serve(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  unsigned client_count = 1 + choices.choose(ChoiceKind::program, 4);
  uint64_t shutdown_after_ns = 20'000 * (1 + choices.choose(ChoiceKind::program, 100));
  bool short_of_buffers = choices.one_in(ChoiceKind::program, 3);
  bool patient = choices.choose(ChoiceKind::program, 2) == 1;
  if (shape.faulty) {
    shape.simulation.faults = {
        .short_transfer = 4, .no_buffers = 8, .accept_limit = 8, .enter_eintr = 8, .enter_busy = 4};
  }
  Simulation simulation(choices, shape.simulation, shape.runtime);
  simulation.world().trace.keep(options.keep_trace);
  uint64_t begun_ns = simulation.world().now_ns;
  scenarios::Arguments arguments;
  Runtime& runtime = simulation.runtime();
  runtime.add_handler("hello",
                      [](const http::Request& request, http::Response& response) -> Task<void> {
                        response.content_type("text/plain").body(request.target());
                        co_return;
                      });
  config::ListenerConfig listener = arguments.http_listener("hello");
  listener.buffers = {.count = short_of_buffers ? 2u : 16u, .size = 256};
  runtime.add_listener(listener);
  std::deque<HttpClient> clients;
  std::unique_ptr<ShutdownAt> shutdown;
  std::unique_ptr<ShutdownWhenServed> served;
  uint64_t serving_ns = 0;
  runtime.on_serving([&](const std::vector<Endpoint>& endpoints) {
    for (unsigned i = 0; i < client_count; ++i) {
      HttpClientOptions client;
      client.port = endpoints.front().port;
      client.requests = 1 + choices.choose(ChoiceKind::program, 4);
      client.pipeline = 1 + choices.choose(ChoiceKind::program, 3);
      client.first_ns = 1'000 * choices.choose(ChoiceKind::program, 100);
      client.in_pieces = choices.choose(ChoiceKind::program, 2) == 1;
      client.may_abort = choices.one_in(ChoiceKind::program, 4);
      client.numbered = true;
      clients.emplace_back(simulation.world(), simulation.kernel().network(), client);
      clients.back().start();
    }
    serving_ns = simulation.world().now_ns;
    if (patient) {
      served = std::make_unique<ShutdownWhenServed>(simulation, clients);
    } else {
      shutdown =
          std::make_unique<ShutdownAt>(simulation, simulation.world().now_ns + shutdown_after_ns);
    }
  });
  Result<void> ran = simulation.run();
  if (!ran) simulation.falsify("S12: the run failed: " + ran.error().message());
  if (simulation.ended()) {
    check_clients(simulation, clients, simulation.metrics());
    if (patient) check_served(simulation, clients, simulation.metrics());
    if (!patient && shutdown && !shape.faulty)
      check_drained(simulation, clients, serving_ns + shutdown_after_ns);
  }
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = std::to_string(client_count) + " clients, shutdown " +
                   (patient ? "when they are served\n"
                            : "after " + std::to_string(shutdown_after_ns / 1000) + " us\n");
  clients.clear();
  return result;
}

// A start in which every call of the kernel may fail: it ends in good order, whatever fails.
CaseResult run_start(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  uint32_t often = 4 << choices.choose(ChoiceKind::program, 5);
  shape.simulation.faults = {.setup_no_memory = often,
                             .register_error = often,
                             .map_no_memory = often,
                             .socket_call = often};
  Simulation simulation(choices, shape.simulation, shape.runtime);
  simulation.world().trace.keep(options.keep_trace);
  uint64_t begun_ns = simulation.world().now_ns;
  scenarios::Arguments arguments;
  std::optional<ShutdownAt> early_shutdown;
  simulation.runtime().add_handler(
      "hello", [](const http::Request&, http::Response&) -> Task<void> { co_return; });
  simulation.runtime().add_listener(arguments.http_listener("hello"));
  bool early = choices.one_in(ChoiceKind::program, 3);
  uint64_t early_ns = begun_ns + 1'000 * choices.choose(ChoiceKind::program, 20);
  simulation.on_built([&] {
    if (early) early_shutdown.emplace(simulation, early_ns);
  });
  bool served = false;
  simulation.runtime().on_serving([&](const std::vector<Endpoint>&) {
    served = true;
    if (!early) simulation.runtime().shutdown();
  });
  Result<void> ran = simulation.run();
  if (ran && !served && simulation.ended())
    simulation.falsify("R15: the start ended without an error and without serving");
  Sometimes::hit(ran ? "a start succeeds" : "a start fails");
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = ran ? "served\n" : "refused: " + ran.error().message() + "\n";
  return result;
}

constexpr Case kCases[] = {
    {"tasks", "a generated program of tasks that spawn, sleep, hop, wait, block, fail", run_tasks},
    {"serve", "an HTTP server under simulated clients, shut down while they ask", run_serve},
    {"start", "a start in which any call of the kernel may fail", run_start},
    {"echo", "echo streams of clients outside and tasks inside, which half-close and reset",
     run_echo},
    {"faults", "echo streams while transfers, operations, accepts and enters fail", run_faults},
    {"poll", "poll streams, intervals and signals", run_poll},
    {"broken", "one of several drivers is dead for a while, or its ring stops answering",
     run_broken},
};

}  // namespace

std::span<const Case> all_cases() {
  return kCases;
}

const Case* find_case(const std::string& name) {
  for (const Case& each : kCases) {
    if (name == each.name) return &each;
  }
  return nullptr;
}

}  // namespace gatio::harness
