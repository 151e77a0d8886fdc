// A driver that spins before it sleeps sees all that a sleeping one is woken for, and as soon.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "harness/simulation/shape.hpp"
#include "harness/simulation/simulation.hpp"
#include "runtime/driver/file.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/task/scope.hpp"

namespace gatio::harness {
namespace {

constexpr unsigned kSpinUs = 8'000;  // an eighth of it is spun at first
constexpr uint64_t kSoonNs = 150'000;

// How long the body takes in virtual time, on the first of two drivers that spin.
uint64_t time_of(const std::function<Task<void>(Simulation&)>& body) {
  fakes::Choices choices(1);
  Shape shape = make_shape({.mix = "2both", .preempts = false, .spins = true});
  shape.runtime.config.spin_us = kSpinUs;
  Simulation simulation(choices, shape.simulation, shape.runtime);
  uint64_t took_ns = 0;
  simulation.runtime().on_start([&]() -> Task<void> {
    // Until the other one spins, or sleeps, as well.
    (void)co_await sleep_for(std::chrono::milliseconds(1));
    uint64_t begun_ns = Driver::current()->fresh_ns();
    co_await body(simulation);
    took_ns = Driver::current()->fresh_ns() - begun_ns;
    simulation.runtime().shutdown();
  });
  EXPECT_TRUE(simulation.run());
  EXPECT_TRUE(simulation.findings().empty());
  EXPECT_GT(simulation.metrics().drivers[0].spin_ns, 0u);
  return took_ns;
}

TEST(Spin, EndsForATimer) {
  uint64_t took_ns = time_of(
      [](Simulation&) -> Task<void> { (void)co_await sleep_for(std::chrono::microseconds(50)); });
  EXPECT_GE(took_ns, 50'000u);
  EXPECT_LT(took_ns, kSoonNs);
}

TEST(Spin, EndsForAnOperation) {
  uint64_t took_ns = time_of([](Simulation&) -> Task<void> {
    Result<File> file = co_await File::open("/simulated/spin", O_RDWR | O_CREAT);
    EXPECT_TRUE(file);
  });
  EXPECT_GT(took_ns, 0u);
  EXPECT_LT(took_ns, kSoonNs);
}

TEST(Spin, EndsForAMessage) {
  Driver* ran_on = nullptr;
  uint64_t took_ns = time_of([&](Simulation& simulation) -> Task<void> {
    Driver& other = *simulation.runtime().tpcs()[0]->drivers()[1];
    (void)co_await call_on(other, [&]() -> Task<void> {
      ran_on = Driver::current();
      co_return;
    });
  });
  EXPECT_NE(ran_on, nullptr);
  EXPECT_LT(took_ns, kSoonNs);
}

}  // namespace
}  // namespace gatio::harness
