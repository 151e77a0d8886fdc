#include "fakes/fiber.hpp"

#include <boost/context/protected_fixedsize_stack.hpp>
#include <utility>
#include <vector>

#include "runtime/base/assert.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GATIO_FIBER_ASAN 1
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_feature(thread_sanitizer)
#define GATIO_FIBER_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif
#endif

namespace gatio::fakes {
namespace {

using boost::context::stack_context;

// Stacks that no fiber uses. Each has a page without access below it: an overflow is seen.
class StackPool {
 public:
  ~StackPool() {
    for (stack_context& stack : free_) allocator_.deallocate(stack);
  }
  stack_context get() {
    if (free_.empty()) return allocator_.allocate();
    stack_context stack = free_.back();
    free_.pop_back();
    return stack;
  }
  void put(stack_context stack) { free_.push_back(stack); }

 private:
  boost::context::protected_fixedsize_stack allocator_{Fiber::kStackBytes};
  std::vector<stack_context> free_;
};

StackPool& stacks() {
  static StackPool pool;
  return pool;
}

// What Boost gets to see: it never frees a stack, the pool has it.
struct Borrowed {
  stack_context allocate() { return {}; }
  void deallocate(stack_context&) {}
};

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(stacks().get()) {
  boost::context::preallocated place(stack_.sp, stack_.size, stack_);
  inside_ = boost::context::fiber(std::allocator_arg, place, Borrowed{},
                                  [this](boost::context::fiber&& from) {
                                    outside_ = std::move(from);
                                    main();
                                    return std::move(outside_);
                                  });
#ifdef GATIO_FIBER_TSAN
  tsan_inside_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  GATIO_ASSERT(ended_);
#ifdef GATIO_FIBER_TSAN
  __tsan_destroy_fiber(tsan_inside_);
#endif
  stacks().put(stack_);
}

void Fiber::main() {
#ifdef GATIO_FIBER_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &outside_bottom_, &outside_bytes_);
#endif
  body_();
  ended_ = true;
#ifdef GATIO_FIBER_ASAN
  // Null: this stack's frames are gone for good.
  __sanitizer_start_switch_fiber(nullptr, outside_bottom_, outside_bytes_);
#endif
#ifdef GATIO_FIBER_TSAN
  __tsan_switch_to_fiber(tsan_outside_, 0);
#endif
}

void Fiber::resume() {
  GATIO_ASSERT(!ended_);
#ifdef GATIO_FIBER_ASAN
  const char* bottom = static_cast<const char*>(stack_.sp) - stack_.size;
  __sanitizer_start_switch_fiber(&fake_stack_outside_, bottom, stack_.size);
#endif
#ifdef GATIO_FIBER_TSAN
  tsan_outside_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_inside_, 0);
#endif
  inside_ = std::move(inside_).resume();
#ifdef GATIO_FIBER_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_outside_, nullptr, nullptr);
#endif
}

void Fiber::give_way() {
#ifdef GATIO_FIBER_ASAN
  __sanitizer_start_switch_fiber(&fake_stack_inside_, outside_bottom_, outside_bytes_);
#endif
#ifdef GATIO_FIBER_TSAN
  __tsan_switch_to_fiber(tsan_outside_, 0);
#endif
  outside_ = std::move(outside_).resume();
#ifdef GATIO_FIBER_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_inside_, &outside_bottom_, &outside_bytes_);
#endif
}

}  // namespace gatio::fakes
