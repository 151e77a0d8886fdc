// Properties S7, S9 and S10: how long a task waits, where it and its memory are, and how equal
// tasks are spread.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "harness/properties/test_support.hpp"
#include "runtime/driver/file.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/memory/slab.hpp"
#include "runtime/task/scope.hpp"

namespace gatio::harness {
namespace {

using std::chrono::nanoseconds;

// Tasks that are always ready, on one driver, beside timers and operations.
class Crowd {
 public:
  Crowd(Simulation& simulation, unsigned amount)
      : simulation_(simulation), compute_ns_(amount % 4 * 500), flood_(amount % 5 == 0 ? 40 : 2) {
    for (size_t level = 0; level < kPriorityCount; ++level)
      sizes_[level] = 1 + (amount + 7 * static_cast<unsigned>(level)) % 12;
  }

  Task<void> run() {
    co_await with_scope([this](Scope& scope) -> Task<void> {
      Driver& here = *Driver::current();
      for (size_t level = 0; level < kPriorityCount; ++level) {
        for (unsigned i = 0; i < sizes_[level]; ++i)
          spawn(scope, here, static_cast<Priority>(level), [this, level] { return spin(level); });
        spawn(scope, here, static_cast<Priority>(level), [this, level] { return tick(level); });
      }
      for (unsigned i = 0; i < flood_; ++i)
        spawn(scope, here, Priority::normal, [this, i] { return write(i); });
      co_return;
    });
    if (unfinished_ > 0)
      simulation_.falsify("S7: " + std::to_string(unfinished_) + " tasks never came to their end");
  }

 private:
  static constexpr unsigned kRounds = 60;
  static constexpr uint64_t kWorkerNs = 45'000;  // what an operation of a file takes at most
  static constexpr uint64_t kTurnNs = 1'000;

  void spawn(Scope& scope, Driver& here, Priority priority, auto body) {
    auto counted = [this, body]() -> Task<void> {
      co_await body();
      --unfinished_;
    };
    if (scope.spawn_on(here, counted, priority)) ++unfinished_;
  }
  // Pieces of work until one of that level has run, when all of its level stand before it.
  [[nodiscard]] uint64_t most_gap(size_t level) const {
    unsigned others = level == 1 ? flood_ + 1 : 1;
    return (sizes_[level] + others + 1) * (RunQueue::kMostSkips + 2);
  }
  // The same in time, with what a turn does before it serves its ring and timers again.
  [[nodiscard]] uint64_t most_wait_ns(size_t level) const {
    constexpr uint64_t kBudgetNs = 200'000;
    return 2 * (kBudgetNs + 16 * compute_ns_) + most_gap(level) * (compute_ns_ + 10) +
           (2 + most_gap(level) / 16) * kTurnNs;
  }
  [[nodiscard]] bool over() const { return lowest_rounds_ >= kRounds; }

  Task<void> spin(size_t level) {
    uint64_t last = segments_;
    while (!over()) {
      uint64_t gap = ++segments_ - last;
      last = segments_;
      if (gap > most_gap(level))
        simulation_.falsify("S7: a ready task of priority " + std::to_string(level) +
                            " waited for " + std::to_string(gap) + " others");
      if (level + 1 == kPriorityCount) ++lowest_rounds_;
      if (level + 1 == kPriorityCount && gap > sizes_[level])
        Sometimes::hit("a low task runs among higher ones");
      if (compute_ns_ > 0) simulation_.kernel().spend(compute_ns_);
      co_await yield();
    }
  }

  Task<void> tick(size_t level) {
    while (!over()) {
      uint64_t deadline_ns = Driver::current()->fresh_ns() + 20'000;
      (void)co_await sleep_until(deadline_ns);
      uint64_t now_ns = Driver::current()->fresh_ns();
      if (now_ns < deadline_ns) simulation_.falsify("S7: a timer fired before its time");
      if (now_ns > deadline_ns + most_wait_ns(level))
        simulation_.falsify("S7: a timer of priority " + std::to_string(level) + " was " +
                            std::to_string((now_ns - deadline_ns) / 1000) + " us late");
      Sometimes::hit("a timer fires among ready tasks");
    }
  }

  Task<void> write(unsigned number) {
    Result<File> file =
        co_await File::open("/simulated/" + std::to_string(number), O_RDWR | O_CREAT);
    if (!file) co_return simulation_.falsify("S7: a file could not be opened");
    while (!over()) {
      uint64_t begun_ns = Driver::current()->fresh_ns();
      Result<int> written = co_await file->write(std::span<const char>("x", 1), 0);
      uint64_t took_ns = Driver::current()->fresh_ns() - begun_ns;
      if (!written) simulation_.falsify("S7: a write failed without a fault");
      if (took_ns > kWorkerNs + 2 * most_wait_ns(1))
        simulation_.falsify("S7: an operation took " + std::to_string(took_ns / 1000) + " us");
      Sometimes::hit(flood_ > 32 ? "an operation ends in a flood of others"
                                 : "an operation ends among ready tasks");
    }
  }

  Simulation& simulation_;
  const uint64_t compute_ns_;
  const unsigned flood_;
  std::array<unsigned, kPriorityCount> sizes_{};
  unsigned unfinished_ = 0;
  uint64_t segments_ = 0;
  unsigned lowest_rounds_ = 0;
};

// Under a flood of more completions than the CQ has room for, too (S6, S13).
TEST(S7, NobodyWaitsForLong) {
  hold("S7 bounded starvation",
       {.mixes = {"1both"}, .topologies = {"numa:1 core:3 pu:1"}, .tight = true, .times = 100},
       [](const Trial& trial, fakes::Choices& choices) {
         return run_task(trial, choices, [&](Simulation& simulation) -> Task<void> {
           Crowd crowd(simulation, trial.amount);
           co_await crowd.run();
         });
       },
       {"a low task runs among higher ones", "a timer fires among ready tasks",
        "an operation ends among ready tasks", "an operation ends in a flood of others",
        "a CQ overflows"});
}

class Neighbours {
 public:
  explicit Neighbours(Simulation& simulation) : simulation_(simulation) {}

  Task<void> run() {
    co_await with_scope([this](Scope& scope) -> Task<void> {
      for (Driver* home : simulation_.executing_drivers()) {
        if (!scope.spawn_on(*home, [this, home] { return pinned(*home); }))
          simulation_.falsify("S9: a pinned task was refused");
      }
      co_return;
    });
  }

 private:
  void is_near(const void* memory, const Driver& driver, const char* what) {
    int node = simulation_.kernel().node_of(memory);
    if (node < 0 && kBlocksFromMalloc) return;  // A build for a sanitizer.
    if (node != driver.options().node)
      simulation_.falsify(std::string("S9: ") + what + " of driver " + driver.name() +
                          " lies on node " + std::to_string(node));
    if (driver.options().node > 0) Sometimes::hit("memory lies on the second node");
  }

  Task<void> pinned(Driver& home) {
    std::array<char, 64> in_frame{};
    is_near(in_frame.data(), home, "the frame of a task");
    if (config::does_io(home.options().role)) {
      io_uring_sqe* sqe = home.io_sqe();
      io_uring_prep_nop(sqe);
      is_near(sqe, home, "the ring");
      Sometimes::hit("the memory of a ring is looked at");
    }
    for (unsigned i = 0; i < 4; ++i) {
      is_home(home);
      co_await yield();
      is_home(home);
      (void)co_await sleep_for(nanoseconds(1'000 * (i + 1)));
      is_home(home);
      Result<File> file = co_await File::open("/simulated/" + home.name(), O_RDWR | O_CREAT);
      is_home(home);
      ++in_frame[i];
    }
    co_await with_scope([this, &home](Scope& scope) -> Task<void> {
      for (unsigned i = 0; i < 4; ++i) {
        if (!scope.spawn([this, &home] { return placed(home); }))
          simulation_.falsify("S9: a spawn was refused");
      }
      co_return;
    });
    is_near(in_frame.data(), home, "the frame of a task");
  }

  void is_home(const Driver& home) {
    if (Driver::current() != &home)
      simulation_.falsify("S9: a task that is pinned to driver " + home.name() + " runs on " +
                          Driver::current()->name());
  }

  // Wherever placement put it: in the TPC of whoever spawned it, with its frame.
  Task<void> placed(const Driver& parent) {
    std::array<char, 64> in_frame{};
    Driver* here = Driver::current();
    if (here->options().tpc != parent.options().tpc)
      simulation_.falsify("S9: a task left the TPC of driver " + parent.name());
    is_near(in_frame.data(), *here, "the frame of a placed task");
    co_await yield();
    if (here != &parent) Sometimes::hit("a task is placed on another driver");
    is_home(*here);
    ++in_frame[0];
  }

  Simulation& simulation_;
};

TEST(S9, TasksAndMemoryStayOnTheirNode) {
  hold("S9 affinity", {.topologies = {"numa:2 core:3 pu:1", "numa:3 core:3 pu:1"}},
       [](const Trial& trial, fakes::Choices& choices) {
         return run_task(trial, choices, [](Simulation& simulation) -> Task<void> {
           Neighbours neighbours(simulation);
           co_await neighbours.run();
         });
       },
       {"memory lies on the second node", "the memory of a ring is looked at",
        "a task is placed on another driver"});
}

// Equal tasks, spawned at once by one that has computed for long enough to be measured.
Task<void> spread(Simulation& simulation, unsigned count, bool counts_distance) {
  constexpr uint64_t kEachNs = 50'000;
  Driver& here = *Driver::current();
  for (unsigned i = 0; i < 60; ++i) {
    simulation.kernel().spend(kEachNs);
    co_await yield();
  }
  uint64_t average_ns = here.average_work_ns();
  std::map<Driver*, unsigned> ran;
  for (auto& driver : simulation.runtime().tpcs()[here.options().tpc]->drivers()) {
    if (driver->executes()) ran[driver.get()] = 0;
  }
  co_await with_scope([&](Scope& scope) -> Task<void> {
    for (unsigned i = 0; i < count; ++i) {
      auto body = [&]() -> Task<void> {
        ++ran[Driver::current()];
        simulation.kernel().spend(kEachNs);
        co_return;
      };
      if (!scope.spawn(body)) simulation.falsify("S10: a spawn was refused");
    }
    co_return;
  });
  auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  unsigned most = std::max_element(ran.begin(), ran.end(), less)->second;
  unsigned least = std::min_element(ran.begin(), ran.end(), less)->second;
  uint64_t bound = 1;
  if (counts_distance) bound += (kWakeUpNs + kOtherNodeNs + average_ns - 1) / average_ns;
  if (most - least > bound)
    simulation.falsify("S10: of " + std::to_string(count) + " equal tasks one driver ran " +
                       std::to_string(most) + " and another one " + std::to_string(least) +
                       ", with " + std::to_string(average_ns) + " ns each");
  if (count >= 10) Sometimes::hit("ten equal tasks are spread");
}

TEST(S10, EqualTasksAreSpreadEvenly) {
  hold("S10 balance",
       {.mixes = {"2both", "3both", "1io+2exec", "1io+1exec+1both"},
        .policies = {"best", "least_work"},
        .preempts = false,
        .times = 100},
       [](const Trial& trial, fakes::Choices& choices) {
         return run_task(trial, choices, [&](Simulation& simulation) -> Task<void> {
           return spread(simulation, 2 + trial.amount / 2, trial.shape.policy == "best");
         });
       },
       {"ten equal tasks are spread"});
}

}  // namespace
}  // namespace gatio::harness
