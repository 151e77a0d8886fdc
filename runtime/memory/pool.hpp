// A driver's allocator for frames, operations and other small blocks: size classes from 16 bytes to
// 32 KiB in slabs of the TPC's Heap. Owned by its driver; only that driver's thread allocates and
// drains, while any thread may free: a block that comes from elsewhere goes to its owner's list,
// without a lock, and is drained in the owner's turn. A block may outlive its pool, never the Heap.
#pragma once

#include <cstddef>

#include "runtime/memory/allocation_hook.hpp"
#include "runtime/memory/heap.hpp"
#include "runtime/memory/slab.hpp"

namespace gatio {

class Pool {
 public:
  explicit Pool(Heap& heap) : heap_(heap) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  // Gives back the slabs without a live block. The others stay mapped, and their blocks may be
  // freed from any thread, until the Heap ends.
  ~Pool();

  // The pool of the driver that this thread runs, or nullptr. A simulator sets it when it switches
  // drivers.
  static Pool* current() { return current_; }
  static void set_current(Pool* pool) { current_ = pool; }

  // Aligned to 16 bytes; of any size, larger ones from the Heap. nullptr when the quota is
  // exhausted or the system has no memory.
  [[nodiscard]] void* allocate(size_t bytes) {
    if constexpr (kBlocksFromMalloc) return allocate_malloc(bytes);
    // The literal is for the compiler, which knows most sizes; it follows from the other.
    if (bytes > direct_bytes_ || bytes > kLargestClassBytes) [[unlikely]]
      return allocate_indirect(bytes);
    return allocate_direct(bytes);
  }
  // Frees a block of any pool or heap, on any thread; nullptr is nothing.
  static void free(void* block) {
    if constexpr (kBlocksFromMalloc) {
      if (block != nullptr) Heap::free_malloc(block);
      return;
    }
    if (block == nullptr) return;
    Mapping* mapping = Slab::mapping_of(block);
    Pool* pool = current_;
    if (pool != nullptr && pool->home_ == mapping->home) [[likely]] {
      pool->push(block);
      pool->count(-1);
    } else {
      free_elsewhere(mapping, block);
    }
  }

  // Takes the blocks that others have freed since the last time. Called once a turn; costs a load
  // when there is none. Returns how many there were.
  size_t drain_remote() {
    // Relaxed: a block that is missed now is seen in the next turn; take_remote's exchange orders
    // its content.
    if (home_ == nullptr || home_->remote.load(std::memory_order_relaxed) == nullptr) return 0;
    return take_remote();
  }

  // Frees for other size classes the runs that have no live block, and gives wholly empty slabs
  // back to the Heap. Walks every free block, so it is for idle times; `allocate` does it when the
  // Heap has no more.
  void trim();

  [[nodiscard]] Heap& heap() const { return heap_; }
  // Blocks that were ever taken. The owner's; others may read it once its driver has ended.
  [[nodiscard]] uint64_t allocations() const { return allocations_; }

 private:
  // Where the blocks of a class are carved next: memory of a run that was never handed out.
  struct Carving {
    std::byte* cursor = nullptr;
    std::byte* end = nullptr;
  };

  static Run& run_of(void* block) {
    return static_cast<Slab*>(Slab::mapping_of(block))->run_of(block);
  }
  void push(void* block) {
    Run& run = run_of(block);
    auto* head = static_cast<FreeBlock*>(block);
    head->next = free_[run.size_class];
    free_[run.size_class] = head;
    empty_runs_ += --run.used == 0 ? 1 : 0;
  }
  // Not an atomic addition: the owner is the only writer.
  void count(uint64_t change) {
    home_->live.store(home_->live.load(std::memory_order_relaxed) + change,
                      std::memory_order_relaxed);
  }

  [[gnu::always_inline]] void* allocate_direct(size_t bytes) {
    unsigned size_class = size_class_of(bytes);
    FreeBlock* block = free_[size_class];
    if (block == nullptr) [[unlikely]] {
      block = refill(size_class);
      if (block == nullptr) return nullptr;
    }
    free_[size_class] = block->next;
    // The first block in use makes its run no longer empty.
    empty_runs_ -= run_of(block).used++ == 0 ? 1 : 0;
    ++allocations_;
    count(1);
    return block;
  }
  void* allocate_malloc(size_t bytes) {
    ++allocations_;
    return heap_.allocate_malloc(bytes, kBlockAlignment);
  }
  [[gnu::cold, gnu::noinline]] void* allocate_indirect(size_t bytes);
  void* allocate_large(size_t bytes);
  static void free_elsewhere(Mapping* mapping, void* block);
  FreeBlock* refill(unsigned size_class);
  FreeBlock* carve(unsigned size_class);
  bool assign_run(unsigned size_class);
  bool add_slab();
  size_t take_remote();
  void release_empty_runs();
  void release_empty_slabs(bool also_home);

  static inline constinit thread_local Pool* current_ = nullptr;

  FreeBlock* free_[kClassCount] = {};
  uint64_t allocations_ = 0;
  // Up to here a block comes from the lists above: larger ones do not, and none where the hook is
  // to be asked first.
  const size_t direct_bytes_ = allocation_hook == nullptr ? kLargestClassBytes : 0;
  Slab* home_ = nullptr;  // the first slab: who owns a block is told by comparing homes
  Heap& heap_;
  Slab* slabs_ = nullptr;
  size_t unassigned_runs_ = 0;
  size_t empty_runs_ = 0;  // assigned to a class, but without a block in use
  Carving carving_[kClassCount];
};

}  // namespace gatio
