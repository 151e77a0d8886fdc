#include "runtime/memory/pool.hpp"

#include <algorithm>

#include "runtime/base/assert.hpp"
#include "runtime/base/sync_point.hpp"

namespace gatio {
namespace {

// So much is cut into blocks at a time: a page, so that memory is touched only as it is needed.
constexpr size_t kCarveBytes = 4096;

}  // namespace

Pool::~Pool() {
  if (current_ == this) current_ = nullptr;
  if (home_ == nullptr) return;
  take_remote();
  release_empty_runs();
  release_empty_slabs(true);
}

void* Pool::allocate_indirect(size_t bytes) {
  if (allocation_hook != nullptr && !allocation_hook()) return nullptr;
  return bytes > kLargestClassBytes ? allocate_large(bytes) : allocate_direct(bytes);
}

void* Pool::allocate_large(size_t bytes) {
  ++allocations_;
  if (void* block = heap_.allocate(bytes)) return block;
  trim();  // our empty slabs may be what it lacks
  return heap_.allocate(bytes);
}

void Pool::free_elsewhere(Mapping* mapping, void* block) {
  if (mapping->large) {
    mapping->heap->free_large(mapping);
    return;
  }
  sync_point("memory: remote free");
  auto* home = static_cast<Slab*>(mapping->home);
  auto* freed = static_cast<FreeBlock*>(block);
  // Counted before the push, which is our last access: once the owner has the block it may unmap
  // its slabs.
  home->remote_frees.fetch_add(1, std::memory_order_relaxed);
  FreeBlock* head = home->remote.load(std::memory_order_relaxed);
  do {
    freed->next = head;
    sync_point("memory: remote link");
    // Release: our writes to the block, its link included, pair with the acquire exchange in
    // take_remote. The pushes form one release sequence, so that exchange is ordered after all of
    // them.
  } while (!home->remote.compare_exchange_weak(head, freed, std::memory_order_release,
                                               std::memory_order_relaxed));
}

size_t Pool::take_remote() {
  sync_point("memory: drain");
  // Acquire: pairs with the release pushes in free_elsewhere. The list is taken whole, so no push
  // is lost and no address is compared that could have come back (ABA).
  FreeBlock* block = home_->remote.exchange(nullptr, std::memory_order_acquire);
  size_t taken = 0;
  while (block != nullptr) {
    FreeBlock* next = block->next;
    push(block);
    block = next;
    ++taken;
  }
  return taken;
}

// The list of this class is empty: fills it and returns its head, nullptr when there is no memory.
FreeBlock* Pool::refill(unsigned size_class) {
  if (drain_remote() > 0 && free_[size_class] != nullptr) return free_[size_class];
  if (FreeBlock* block = carve(size_class)) return block;
  // The heap has no more, but runs of other classes may have become empty.
  if (empty_runs_ == 0) return nullptr;
  release_empty_runs();
  return carve(size_class);
}

FreeBlock* Pool::carve(unsigned size_class) {
  size_t bytes = size_of_class(size_class);
  Carving& carving = carving_[size_class];
  if (static_cast<size_t>(carving.end - carving.cursor) < bytes && !assign_run(size_class)) {
    return nullptr;
  }
  size_t room = static_cast<size_t>(carving.end - carving.cursor) / bytes;
  size_t blocks = std::min(room, std::max<size_t>(kCarveBytes / bytes, 1));
  std::byte* first = carving.cursor;
  carving.cursor += blocks * bytes;
  FreeBlock* head = nullptr;
  for (std::byte* each = carving.cursor; each != first;) {
    each -= bytes;
    head = new (each) FreeBlock{head};
  }
  free_[size_class] = head;
  return head;
}

bool Pool::assign_run(unsigned size_class) {
  if (unassigned_runs_ == 0 && !add_slab()) return false;
  for (Slab* slab = slabs_; slab != nullptr; slab = slab->next_in_pool) {
    for (size_t i = 0; i < kRunsPerSlab; ++i) {
      if (slab->runs[i].size_class != Run::kUnassigned) continue;
      slab->runs[i] = Run{static_cast<uint8_t>(size_class), 0};
      carving_[size_class] = {slab->begin_of(i), slab->end_of(i)};
      --unassigned_runs_;
      ++empty_runs_;
      return true;
    }
  }
  GATIO_ASSERT(!"an unassigned run was counted but not found");
  return false;
}

bool Pool::add_slab() {
  Slab* slab = heap_.take_slab(home_);
  if (slab == nullptr) return false;
  if (home_ == nullptr) home_ = slab;
  slab->next_in_pool = slabs_;
  slabs_ = slab;
  unassigned_runs_ += kRunsPerSlab;
  return true;
}

void Pool::trim() {
  if (home_ == nullptr) return;
  take_remote();
  release_empty_runs();
  release_empty_slabs(false);
}

// Makes the runs without a block in use unassigned again.
void Pool::release_empty_runs() {
  if (empty_runs_ == 0) return;
  for (FreeBlock*& list : free_) {
    FreeBlock** link = &list;
    while (*link != nullptr) {
      if (run_of(*link).used == 0) {
        *link = (*link)->next;
      } else {
        link = &(*link)->next;
      }
    }
  }
  for (Slab* slab = slabs_; slab != nullptr; slab = slab->next_in_pool) {
    for (size_t i = 0; i < kRunsPerSlab; ++i) {
      Run& run = slab->runs[i];
      if (run.size_class == Run::kUnassigned || run.used > 0) continue;
      Carving& carving = carving_[run.size_class];
      if (carving.end == slab->end_of(i)) carving = {};
      run = Run{};
      ++unassigned_runs_;
      --empty_runs_;
    }
  }
  GATIO_ASSERT(empty_runs_ == 0);
}

// The home goes only with the pool, and only when no other slab still names it.
void Pool::release_empty_slabs(bool also_home) {
  Slab** link = &slabs_;
  while (*link != nullptr) {
    Slab* slab = *link;
    bool empty = std::ranges::all_of(
        slab->runs, [](const Run& run) { return run.size_class == Run::kUnassigned; });
    if (!empty || slab == home_) {
      link = &slab->next_in_pool;
      continue;
    }
    *link = slab->next_in_pool;
    unassigned_runs_ -= kRunsPerSlab;
    heap_.give_slab(slab);
  }
  bool only_home_left = slabs_ == home_ && home_->next_in_pool == nullptr;
  if (also_home && only_home_left && unassigned_runs_ == kRunsPerSlab) {
    heap_.give_slab(home_);
    home_ = slabs_ = nullptr;
  }
}

}  // namespace gatio
