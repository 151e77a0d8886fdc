// The Execution of one caller without a scheduler: while it sleeps, time jumps from event to event.
// For tests of the kernel itself and for the conformance runs. The simulation's one thread only.
#pragma once

#include "fakes/world.hpp"

namespace gatio::fakes {

class Alone final : public Execution {
 public:
  explicit Alone(World& world) : world_(world) {}

  unsigned thread() const override { return thread_; }
  // Plays another thread from now on, to see what a ring says to a stranger (rule U4).
  void become(unsigned thread) { thread_ = thread; }
  uint64_t now_ns() const override { return world_.now_ns; }
  void spend(uint64_t ns) override {
    world_.now_ns += ns;
    spent_ns_ += ns;
  }
  uint64_t spent_ns() const override { return spent_ns_; }
  void relax() override { pass_until(world_.now_ns + kRelaxNs); }
  bool sleep(Sleeper& sleeper, uint64_t deadline_ns) override;
  void wake(Sleeper& sleeper) override { sleeper.woken = true; }
  // At once: there is nobody who could go on meanwhile.
  int start_thread(std::function<void()> body) override {
    body();
    return 0;
  }
  // Lets all happen that is due by then.
  void pass_until(uint64_t time_ns);

 private:
  static constexpr uint64_t kRelaxNs = 100;
  World& world_;
  unsigned thread_ = 0;
  uint64_t spent_ns_ = 0;
};

}  // namespace gatio::fakes
