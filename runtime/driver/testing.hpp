// What tests of drivers share: some real drivers with a heap in common, each on a thread of its
// own, that run one task and then end. Owned by the test, built and destroyed on its thread. For
// *_test.cpp only.
#pragma once

#include <sched.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/driver/driver.hpp"
#include "runtime/driver/operation.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/kernel/linux_kernel.hpp"
#include "runtime/ring/testing.hpp"
#include "runtime/task/scope.hpp"

namespace gatio {

class DriverGroup final : private Placer {
 public:
  // More drivers than CPUs share them. An exec driver has the first of the others for its I/O.
  explicit DriverGroup(const std::vector<config::Role>& roles, Kernel* kernel = nullptr,
                       uint64_t spin_ns = 0)
      : heap_(kernel != nullptr ? *kernel : linux_, -1, size_t{1} << 30) {
    std::vector<unsigned> cpus = allowed_cpus();
    Driver* first_io = nullptr;
    for (unsigned i = 0; i < roles.size(); ++i) {
      drivers_.push_back(std::make_unique<Driver>(kernel != nullptr ? *kernel : linux_, heap_,
                                                  DriverOptions{.role = roles[i],
                                                                .index = i,
                                                                .cpu = cpus[i % cpus.size()],
                                                                .ring = test_options(),
                                                                .spin_ns = spin_ns}));
      if (first_io == nullptr && config::does_io(roles[i])) first_io = drivers_.back().get();
    }
    for (auto& each : drivers_) {
      bool is_io = config::does_io(each->options().role);
      each->set_peers(this, is_io ? each.get() : first_io, drivers_.size() > 1);
    }
  }

  // Runs `body` on the first driver that executes, until it and all that came of it has ended.
  // Throws what the body throws. Once for each group.
  void run(std::function<Task<void>()> body) {
    Start start(*this, std::move(body));
    Driver* target = first_executing();
    target->post(start);
    std::vector<std::thread> threads;
    for (auto& each : drivers_) {
      threads.emplace_back([this, &each] { live(*each); });
    }
    for (std::thread& thread : threads) thread.join();
    if (error_) std::rethrow_exception(error_);
  }

  Driver& operator[](size_t index) { return *drivers_[index]; }
  [[nodiscard]] size_t live_blocks() { return heap_.live_blocks(); }
  [[nodiscard]] uint64_t io_sqes(size_t index) {
    const RingStats& stats = drivers_[index]->ring().stats();
    return stats.sqes - stats.wake_sqes;
  }

  static std::vector<unsigned> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    GATIO_ASSERT(sched_getaffinity(0, sizeof set, &set) == 0);
    std::vector<unsigned> cpus;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
  }

 private:
  struct Start : Work {
    Start(DriverGroup& its_group, std::function<Task<void>()> its_body)
        : Work(&arrive), group(its_group), body(std::move(its_body)) {}
    static void arrive(Work* work) {
      auto* self = static_cast<Start*>(work);
      Result<void> spawned =
          spawn_detached_on(*Driver::current(), [self] { return self->group.whole(*self); });
      GATIO_ASSERT(spawned.has_value());
    }
    DriverGroup& group;
    std::function<Task<void>()> body;
  };
  // Goes round the drivers until it has found all of them quiet several times in a row.
  struct Token : Work {
    DriverGroup* group = nullptr;
    size_t at = 0;
    size_t quiet_visits = 0;
  };
  struct Finish : Work {
    Finish() : Work(&arrive) {}
    static void arrive(Work*) { Driver::current()->finish(); }
  };

  Result<Executor*> place(Driver& from, const Hints&) override {
    if (from.executes()) return &from;
    return first_executing();
  }
  Driver* first_executing() {
    for (auto& each : drivers_) {
      if (each->executes()) return each.get();
    }
    return nullptr;
  }

  void live(Driver& driver) {
    driver.enter_thread();
    Result<void> opened = driver.open();
    GATIO_ASSERT(opened.has_value());
    while (!ended_.load(std::memory_order_acquire) || driver.ring().queued() > 0) driver.turn();
    driver.close();
    Driver::leave_thread();
  }

  Task<void> whole(Start& start) {
    try {
      co_await start.body();
    } catch (...) {
      error_ = std::current_exception();
    }
    token_.group = this;
    token_.run = &token_arrives;
    token_.at = Driver::current()->options().index;
    Driver::current()->post_to_self(token_);
  }
  static void token_arrives(Work* work) {
    auto* token = static_cast<Token*>(work);
    DriverGroup& group = *token->group;
    Driver& here = *Driver::current();
    bool quiet = !here.has_tasks() && here.operations_in_flight == 0;
    token->quiet_visits = quiet ? token->quiet_visits + 1 : 0;
    if (token->quiet_visits > 3 * group.drivers_.size()) {
      group.finish_all();
      return;
    }
    if (quiet) token->at = (token->at + 1) % group.drivers_.size();
    Driver& next = *group.drivers_[token->at];
    if (&next == &here) {
      here.post_to_self(*token);
    } else {
      next.post(*token);
    }
  }
  void finish_all() {
    finishes_ = std::vector<Finish>(drivers_.size());
    ended_.store(true, std::memory_order_release);
    for (size_t i = 0; i < drivers_.size(); ++i) {
      if (drivers_[i].get() == Driver::current()) {
        drivers_[i]->post_to_self(finishes_[i]);
      } else {
        drivers_[i]->post(finishes_[i]);
      }
    }
  }

  LinuxKernel linux_;
  Heap heap_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  Token token_;
  std::vector<Finish> finishes_;
  std::atomic<bool> ended_{false};
  std::exception_ptr error_;
};

inline constexpr config::Role kIo = config::Role::io;
inline constexpr config::Role kExec = config::Role::exec;
inline constexpr config::Role kBoth = config::Role::both;

}  // namespace gatio

// At the start of a test: skips it with the reason where this machine allows no ring.
#define GATIO_NEEDS_RINGS()                                          \
  do {                                                               \
    ::gatio::LinuxKernel probing_kernel;                             \
    ::gatio::Ring probe;                                             \
    GATIO_OPEN_RING(probe, probing_kernel, ::gatio::test_options()); \
  } while (false)
