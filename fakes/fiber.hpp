// One simulated thread of execution: a stack of its own and a switch to it and back, with what the
// sanitizers must be told about it (Boost.Context does the switching). Stacks are kept and used
// again, since a campaign makes many short runs. Owned by the Scheduler; the simulation's one
// thread only.
#pragma once

#include <boost/context/fiber.hpp>
#include <functional>

namespace gatio::fakes {

class Fiber {
 public:
  static constexpr size_t kStackBytes = 256 * 1024;

  explicit Fiber(std::function<void()> body);
  // Only a fiber that has ended, or never began, is destroyed: its stack may not be unwound.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From outside: runs the body on, until it gives way or ends.
  void resume();
  // From inside: back to whoever resumed it.
  void give_way();
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  void main();

  std::function<void()> body_;
  boost::context::stack_context stack_;
  boost::context::fiber inside_;   // while it is suspended
  boost::context::fiber outside_;  // while it runs
  bool ended_ = false;
  // The sanitizers' own handles of the two stacks; unused without them.
  [[maybe_unused]] void* fake_stack_inside_ = nullptr;
  [[maybe_unused]] void* fake_stack_outside_ = nullptr;
  [[maybe_unused]] const void* outside_bottom_ = nullptr;
  [[maybe_unused]] size_t outside_bytes_ = 0;
  [[maybe_unused]] void* tsan_inside_ = nullptr;
  [[maybe_unused]] void* tsan_outside_ = nullptr;
};

}  // namespace gatio::fakes
