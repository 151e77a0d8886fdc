// The std::pmr face of a driver's memory: containers of a task that live on the TPC's node.
// Allocates from the pool that is current at that moment, so a container may move between drivers
// with its task. Stateless; any thread may free, a thread without a pool may not allocate.
//
// It throws std::bad_alloc when the memory is exhausted, or when there is no current pool: the
// interface of std::pmr knows no other way. Code that must not see an exception calls
// Pool::allocate.
#pragma once

#include <memory_resource>
#include <new>

#include "runtime/memory/pool.hpp"

namespace gatio {

class PoolResource final : public std::pmr::memory_resource {
 private:
  void* do_allocate(size_t bytes, size_t alignment) override {
    Pool* pool = Pool::current();
    // More than a block's own alignment is made inside a larger block, whose start is noted before
    // the result.
    size_t extra = alignment > kBlockAlignment ? alignment : 0;
    if (pool == nullptr || bytes > SIZE_MAX - extra) throw std::bad_alloc();
    void* start = pool->allocate(bytes + extra);
    if (start == nullptr) throw std::bad_alloc();
    if (extra == 0) return start;
    auto aligned = (reinterpret_cast<uintptr_t>(start) + alignment) & ~(alignment - 1);
    reinterpret_cast<void**>(aligned)[-1] = start;
    return reinterpret_cast<void*>(aligned);
  }
  void do_deallocate(void* block, size_t, size_t alignment) override {
    Pool::free(alignment > kBlockAlignment ? static_cast<void**>(block)[-1] : block);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return dynamic_cast<const PoolResource*>(&other) != nullptr;
  }
};

}  // namespace gatio
