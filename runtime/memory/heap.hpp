// A TPC's memory: slabs for the pools of its drivers and large blocks for anybody, all mapped
// through the Kernel, bound to the TPC's node and counted against a quota. Owned by the TPC; it
// must outlive every block that came from it. Any driver of the TPC and any helper thread may call
// it. Slow beside a Pool: it takes a lock, and a large block costs a mapping.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "runtime/kernel/kernel.hpp"
#include "runtime/memory/slab.hpp"

namespace gatio {

class Heap {
 public:
  // `node` is the os_index of the node to bind to, or -1 for wherever. Maps nothing yet.
  Heap(Kernel& kernel, int node, size_t quota_bytes);
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  // Unmaps everything, also what is still in use: the blocks end with their heap.
  ~Heap();

  // A block of its own mapping, for what is larger than a pool's classes, needs a page's alignment,
  // or is made on a thread that has no pool. `alignment` is a power of two from 64 to 512 KiB.
  // Freed by Pool::free, from any thread. nullptr when the quota is exhausted or the system has no
  // memory.
  [[nodiscard]] void* allocate(size_t bytes, size_t alignment = kCacheLine);

  [[nodiscard]] int node() const { return node_; }
  [[nodiscard]] size_t quota_bytes() const { return quota_bytes_; }
  // All that is mapped now and counts against the quota, freed slabs that wait for reuse included.
  [[nodiscard]] size_t mapped_bytes() const {
    return mapped_bytes_.load(std::memory_order_relaxed);
  }
  // Blocks that were allocated and not yet freed; exact while nobody allocates or frees.
  [[nodiscard]] size_t live_blocks();

 private:
  friend class Pool;

  // An empty slab for a pool: fresh header, no run assigned. `home` is the pool's first slab,
  // nullptr for that one itself. nullptr when there is no memory.
  Slab* take_slab(Slab* home);
  void give_slab(Slab* slab);
  void free_large(Mapping* mapping);

  // The two doors of builds in which blocks come from malloc.
  void* allocate_malloc(size_t bytes, size_t alignment);
  static void free_malloc(void* block);

  bool reserve(size_t bytes);
  bool reserve_after_release(size_t bytes);
  void* map(size_t bytes);
  void unmap(Mapping* mapping);
  void link(Mapping* mapping);
  void unlink(Mapping* mapping);

  Kernel& kernel_;
  const int node_;
  const size_t quota_bytes_;
  std::atomic<size_t> mapped_bytes_{0};  // relaxed: a counter, it publishes no memory
  std::atomic<size_t> live_large_{0};    // relaxed: a counter
  std::mutex mutex_;          // guards the two lists; nothing is called and no one waits under it
  Mapping* used_ = nullptr;   // slabs of pools and large blocks
  Mapping* spare_ = nullptr;  // freed slabs, newest first
};

}  // namespace gatio
