#include "harness/simulation/cases.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "harness/simulation/http_client.hpp"
#include "harness/simulation/more_cases.hpp"
#include "harness/simulation/served_clients.hpp"
#include "harness/simulation/shape.hpp"
#include "harness/simulation/simulation.hpp"
#include "harness/simulation/task_program.hpp"
#include "runtime/driver/waits.hpp"
#include "scenarios/servers/hello.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;

constexpr uint16_t kStartPort = 8080;

// Waits until the drain asks it to stop, and then goes from driver to driver for about as long as
// it takes until the drain looks again: whoever is on its way is nowhere to be seen.
Task<void> wander(Simulation& simulation, uint32_t work_us, uint32_t hops) {
  (void)co_await sleep_for(std::chrono::hours(1));
  Driver::current()->kernel().spend(1'000 * uint64_t{work_us});
  std::vector<Driver*> drivers = simulation.executing_drivers();
  for (uint32_t i = 0; i < hops; ++i) (void)co_await hop_to(*drivers[i % drivers.size()]);
  Sometimes::hit("a task hops on when it is asked to stop");
}

// A program of tasks on drivers without any port.
CaseResult run_tasks(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  bool interrupted = choices.one_in(ChoiceKind::program, 4);
  bool error_prone = choices.one_in(ChoiceKind::program, 4);
  bool wanders = choices.one_in(ChoiceKind::program, 16);
  if (shape.faulty) {
    shape.simulation.faults = {.short_transfer = 4,
                               .operation_error = error_prone ? 2u : 16u,
                               .enter_eintr = 8,
                               .enter_busy = 4};
  }
  ProgramNode root = generate_program(choices, 12);
  std::string printed = print(root);
  Simulation simulation(choices, shape.simulation, shape.runtime);
  keep_trace(simulation, choices, options);
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
  if (wanders) {
    uint32_t work_us = choices.choose(ChoiceKind::program, 1'200);
    uint32_t hops = choices.choose(ChoiceKind::program, 100);
    simulation.runtime().on_start(
        [&simulation, work_us, hops]() -> Task<void> { return wander(simulation, work_us, hops); });
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
  keep_trace(simulation, choices, options);
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
    check_clients(simulation, clients);
    if (patient) check_served(simulation, clients);
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

// Somebody who knows the port and cannot wait.
HttpClientOptions early_client(fakes::Choices& choices) {
  HttpClientOptions client;
  client.port = kStartPort;
  client.first_ns = 1'000 * choices.choose(ChoiceKind::program, 20);
  client.tries = 20;
  client.visits = choices.choose(ChoiceKind::program, 2) == 1;
  client.stays_ns = 1'000 * choices.choose(ChoiceKind::program, 100);
  client.body.reset();
  return client;
}

// A start in which every call of the kernel may fail: it ends in good order, whatever fails, and
// whoever connects meanwhile.
CaseResult run_start(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  uint32_t often = 4 << choices.choose(ChoiceKind::program, 5);
  shape.simulation.faults = {.setup_no_memory = often,
                             .register_error = often,
                             .map_no_memory = often,
                             .socket_call = often};
  // So near that clients are there before the last driver listens.
  shape.simulation.kernel.network.outside = {.least_delay_ns = 100, .most_delay_ns = 2'000};
  Simulation simulation(choices, shape.simulation, shape.runtime);
  keep_trace(simulation, choices, options);
  uint64_t begun_ns = simulation.world().now_ns;
  scenarios::Arguments arguments;
  std::optional<ShutdownAt> early_shutdown;
  simulation.runtime().add_handler(
      "hello", [](const http::Request&, http::Response&) -> Task<void> { co_return; });
  config::ListenerConfig listener = arguments.http_listener("hello");
  listener.port = kStartPort;
  listener.buffers = {.count = 16, .size = 256};
  simulation.runtime().add_listener(listener);
  bool early = choices.one_in(ChoiceKind::program, 3);
  uint64_t early_ns = begun_ns + 1'000 * choices.choose(ChoiceKind::program, 20);
  std::deque<HttpClient> clients;
  simulation.on_built([&] {
    for (uint32_t i = choices.choose(ChoiceKind::program, 4); i > 0; --i) {
      clients.emplace_back(simulation.world(), simulation.kernel().network(),
                           early_client(choices));
      clients.back().start();
    }
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
  bool met = std::ranges::any_of(clients, [](const HttpClient& client) {
    return client.stats().refused == 0 && client.stats().sent > 0;
  });
  if (!ran && met) Sometimes::hit("a client connects while a start fails");
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
    {"drain", "an HTTP server at work, shut down under clients of all kinds", run_drain},
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
