#include "runtime/memory/heap.hpp"

#include <cstdlib>
#include <new>

#include "runtime/base/assert.hpp"
#include "runtime/memory/allocation_hook.hpp"

namespace gatio {
namespace {

constexpr size_t kPageBytes = 4096;

// Stands right before each block in builds whose blocks come from malloc.
struct MallocHeader {
  Heap* heap;
  void* start;
  size_t bytes;
  size_t unused;
};
static_assert(sizeof(MallocHeader) % kBlockAlignment == 0);

}  // namespace

Heap::Heap(Kernel& kernel, int node, size_t quota_bytes)
    : kernel_(kernel), node_(node), quota_bytes_(quota_bytes) {}

Heap::~Heap() {
  for (Mapping* list : {used_, spare_}) {
    while (list != nullptr) {
      Mapping* next = list->next;
      unmap(list);
      list = next;
    }
  }
}

void* Heap::allocate(size_t bytes, size_t alignment) {
  GATIO_ASSERT(std::has_single_bit(alignment) && alignment >= kCacheLine && alignment < kSlabBytes);
  if (bytes > quota_bytes_) return nullptr;  // also keeps the sums below from overflowing
  if constexpr (kBlocksFromMalloc) return allocate_malloc(bytes, alignment);
  // The header takes one step of the alignment, so the block begins within kSlabBytes of its
  // header.
  size_t total = (alignment + bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  void* address = map(total);
  if (address == nullptr) return nullptr;
  auto* mapping = new (address) Mapping;
  mapping->heap = this;
  mapping->home = mapping;
  mapping->bytes = total;
  mapping->large = true;
  link(mapping);
  live_large_.fetch_add(1, std::memory_order_relaxed);
  return static_cast<std::byte*>(address) + alignment;
}

void Heap::free_large(Mapping* mapping) {
  unlink(mapping);
  live_large_.fetch_sub(1, std::memory_order_relaxed);
  unmap(mapping);
}

Slab* Heap::take_slab(Slab* home) {
  void* address = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (spare_ != nullptr) {
      address = spare_;
      spare_ = spare_->next;
    }
  }
  if (address == nullptr) address = map(kSlabBytes);
  if (address == nullptr) return nullptr;
  auto* slab = new (address) Slab;
  slab->heap = this;
  slab->home = home != nullptr ? home : slab;
  slab->bytes = kSlabBytes;
  link(slab);
  return slab;
}

void Heap::give_slab(Slab* slab) {
  unlink(slab);
  std::lock_guard lock(mutex_);
  slab->next = spare_;
  spare_ = slab;
}

size_t Heap::live_blocks() {
  uint64_t live = live_large_.load(std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  for (Mapping* each = used_; each != nullptr; each = each->next) {
    if (each->large || each->home != each) continue;
    auto* home = static_cast<Slab*>(each);
    live += home->live.load(std::memory_order_relaxed);
    live -= home->remote_frees.load(std::memory_order_relaxed);
  }
  return live;
}

bool Heap::reserve(size_t bytes) {
  size_t mapped = mapped_bytes_.load(std::memory_order_relaxed);
  do {
    if (bytes > quota_bytes_ || mapped > quota_bytes_ - bytes) return false;
  } while (!mapped_bytes_.compare_exchange_weak(mapped, mapped + bytes, std::memory_order_relaxed));
  return true;
}

// Spare slabs must not keep a large block out: they go back to the system one by one until there is
// room.
bool Heap::reserve_after_release(size_t bytes) {
  while (!reserve(bytes)) {
    Mapping* slab = nullptr;
    {
      std::lock_guard lock(mutex_);
      slab = spare_;
      if (slab != nullptr) spare_ = slab->next;
    }
    if (slab == nullptr) return false;
    unmap(slab);
  }
  return true;
}

void* Heap::map(size_t bytes) {
  if (!reserve_after_release(bytes)) return nullptr;
  void* address = kernel_.map(bytes, kSlabBytes, node_);
  if (address == nullptr) mapped_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  return address;
}

void Heap::unmap(Mapping* mapping) {
  size_t bytes = mapping->bytes;
  kernel_.unmap(mapping, bytes);
  mapped_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void Heap::link(Mapping* mapping) {
  std::lock_guard lock(mutex_);
  mapping->previous = nullptr;
  mapping->next = used_;
  if (used_ != nullptr) used_->previous = mapping;
  used_ = mapping;
}

void Heap::unlink(Mapping* mapping) {
  std::lock_guard lock(mutex_);
  if (mapping->previous != nullptr) {
    mapping->previous->next = mapping->next;
  } else {
    used_ = mapping->next;
  }
  if (mapping->next != nullptr) mapping->next->previous = mapping->previous;
}

void* Heap::allocate_malloc(size_t bytes, size_t alignment) {
  size_t gap = alignment > sizeof(MallocHeader) ? alignment : sizeof(MallocHeader);
  size_t total = gap + bytes;
  if (allocation_hook != nullptr && !allocation_hook()) return nullptr;
  if (!reserve(total)) return nullptr;
  void* start = nullptr;
  // posix_memalign takes any size; the block's end is the malloc's end, so that an overflow is
  // seen.
  if (posix_memalign(&start, alignment, total) != 0) {
    mapped_bytes_.fetch_sub(total, std::memory_order_relaxed);
    return nullptr;
  }
  std::byte* block = static_cast<std::byte*>(start) + gap;
  new (block - sizeof(MallocHeader)) MallocHeader{this, start, total, 0};
  live_large_.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void Heap::free_malloc(void* block) {
  auto* header = reinterpret_cast<MallocHeader*>(static_cast<std::byte*>(block)) - 1;
  header->heap->live_large_.fetch_sub(1, std::memory_order_relaxed);
  header->heap->mapped_bytes_.fetch_sub(header->bytes, std::memory_order_relaxed);
  std::free(header->start);
}

}  // namespace gatio
