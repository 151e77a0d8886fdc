// Property S13, of memory: what is mapped depends on what lives at once, and not on how much there
// has been.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "harness/properties/test_support.hpp"
#include "runtime/driver/file.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/task/scope.hpp"

namespace gatio::harness {
namespace {

// Waves of tasks that end on other drivers than those that made them.
class Waves {
 public:
  explicit Waves(Simulation& simulation)
      : simulation_(simulation), drivers_(simulation.executing_drivers()) {}

  Task<void> run() {
    size_t most = 0;
    for (unsigned wave = 0; wave < kFirst; ++wave) most = std::max(most, co_await one(wave));
    for (unsigned wave = kFirst; wave < kWaves; ++wave) {
      size_t mapped = co_await one(wave);
      if (mapped > most) {
        simulation_.falsify("S13: " + std::to_string(mapped) + " bytes are mapped in wave " +
                            std::to_string(wave) + ", and never more than " + std::to_string(most) +
                            " in the first ones");
        co_return;
      }
    }
    Sometimes::hit("waves of tasks have gone");
  }

 private:
  static constexpr unsigned kFirst = 20;
  static constexpr unsigned kWaves = 400;
  static constexpr unsigned kTasks = 12;
  // All tasks of a wave fit into a slab many times over; those of all waves fill several.
  static constexpr size_t kFrameBytes = 4096;

  Task<size_t> one(unsigned wave) {
    co_await with_scope([&](Scope& scope) -> Task<void> {
      for (unsigned i = 0; i < kTasks; ++i) {
        Driver* there = drivers_[(wave + i) % drivers_.size()];
        if (!scope.spawn([this, there, i] { return go(*there, i); }))
          simulation_.falsify("S13: a task was refused for want of memory");
      }
      co_return;
    });
    size_t mapped = 0;
    for (auto& tpc : simulation_.runtime().tpcs()) mapped += tpc->heap().mapped_bytes();
    co_return mapped;
  }

  Task<void> go(Driver& there, unsigned number) {
    std::array<char, kFrameBytes> in_frame{};
    Driver* here = Driver::current();
    (void)co_await hop_to(there);
    if (&there != here) Sometimes::hit("a task ends elsewhere than where it was made");
    if (number == 0) (void)co_await File::open("/simulated/wave", O_RDWR | O_CREAT);
    co_await yield();
    if (in_frame[number] != 0) simulation_.falsify("S13: a frame was given to two");
    in_frame[number] = 1;
  }

  Simulation& simulation_;
  std::vector<Driver*> drivers_;
};

TEST(S13, MemoryDoesNotGrowWithWhatIsOver) {
  hold("S13 memory", {.times = 40},
       [](const Trial& trial, fakes::Choices& choices) {
         return run_task(trial, choices, [](Simulation& simulation) -> Task<void> {
           Waves waves(simulation);
           co_await waves.run();
         });
       },
       {"waves of tasks have gone", "a task ends elsewhere than where it was made"});
}

}  // namespace
}  // namespace gatio::harness
