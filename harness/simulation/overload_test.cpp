// What a driver does with requests while it has more to run than it can.
#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "harness/simulation/http_client.hpp"
#include "harness/simulation/served_clients.hpp"
#include "harness/simulation/shape.hpp"
#include "harness/simulation/simulation.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/task/scope.hpp"

namespace gatio::harness {
namespace {

// A millisecond of work, again and again, until it is asked to stop.
Task<void> keep_busy() {
  co_await with_scope([](Scope& scope) -> Task<void> {
    for (unsigned i = 0; i < 100; ++i) {
      EXPECT_TRUE(scope.spawn_on(*Driver::current(), []() -> Task<void> {
        StopToken stop = co_await stop_token();
        while (!stop.stop_requested()) {
          Driver::current()->kernel().spend(10'000);
          co_await yield();
        }
      }));
    }
    co_return;
  });
}

TEST(Overload, RequestsAreRunByADriverThatHasTime) {
  fakes::Choices choices(1);
  Shape shape = make_shape({.mix = "2both", .preempts = false});
  Simulation simulation(choices, shape.simulation, shape.runtime);
  Runtime& runtime = simulation.runtime();
  unsigned ran_by[2] = {0, 0};
  runtime.add_handler("hello", [&](const http::Request&, http::Response&) -> Task<void> {
    ++ran_by[Driver::current()->options().index];
    co_return;
  });
  runtime.add_listener({.handler = "hello"});
  runtime.on_start(keep_busy);
  std::deque<HttpClient> clients;
  std::unique_ptr<ShutdownWhenServed> shutdown;
  runtime.on_serving([&](const std::vector<Endpoint>& endpoints) {
    for (unsigned i = 0; i < 16; ++i) {
      HttpClientOptions client{
          .port = endpoints.front().port, .requests = 1, .first_ns = 5'000'000};
      client.body.reset();
      clients.emplace_back(simulation.world(), simulation.kernel().network(), client);
      clients.back().start();
    }
    shutdown = std::make_unique<ShutdownWhenServed>(simulation, clients);
  });
  ASSERT_TRUE(simulation.run());
  EXPECT_TRUE(simulation.findings().empty());
  ASSERT_GT(simulation.metrics().drivers[0].requests, 0u);
  EXPECT_EQ(ran_by[0], 0u);
  EXPECT_EQ(ran_by[1], 16u);
}

}  // namespace
}  // namespace gatio::harness
