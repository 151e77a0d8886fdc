// The layout of the memory that a Heap maps. Each mapping is aligned to kSlabBytes and begins with
// a header, so the header of any block is found by masking the block's address. A slab belongs to
// one pool and is cut into runs of one size class each; a large block is a mapping of its own.
// Owned by the Heap; who may touch which field is said beside it.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#define GATIO_BLOCKS_FROM_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GATIO_BLOCKS_FROM_MALLOC 1
#endif
#endif
#ifndef GATIO_BLOCKS_FROM_MALLOC
#define GATIO_BLOCKS_FROM_MALLOC 0
#endif

namespace gatio {

class Heap;

// Under AddressSanitizer every block is a malloc of its own, counted against the same quota: only
// so does the sanitizer see each overflow, each use after free and each leak. Nothing is bound to a
// node then.
inline constexpr bool kBlocksFromMalloc = GATIO_BLOCKS_FROM_MALLOC != 0;

inline constexpr size_t kSlabBytes = size_t{1} << 20;
inline constexpr size_t kRunBytes = size_t{64} << 10;
inline constexpr size_t kRunsPerSlab = kSlabBytes / kRunBytes;
inline constexpr size_t kBlockAlignment = 16;
inline constexpr size_t kCacheLine = 64;

// Steps of 16 up to 128 bytes, then four classes per doubling: at most a fifth of a block is
// wasted.
inline constexpr size_t kSmallLimit = 128;
inline constexpr size_t kLargestClassBytes = size_t{32} << 10;
inline constexpr unsigned kClassCount = 8 + 4 * 8;

constexpr unsigned size_class_of(size_t bytes) {
  size_t last = bytes == 0 ? 0 : bytes - 1;
  if (last < kSmallLimit) return static_cast<unsigned>(last / 16);
  auto width = static_cast<unsigned>(std::bit_width(last));
  return 8 + (width - 8) * 4 + static_cast<unsigned>(last >> (width - 3)) - 4;
}

constexpr size_t size_of_class(unsigned size_class) {
  if (size_class < 8) return (size_class + size_t{1}) * 16;
  unsigned doubling = (size_class - 8) / 4;
  return size_t{(size_class - 8) % 4 + 5} << (doubling + 5);
}

static_assert(size_of_class(kClassCount - 1) == kLargestClassBytes);
static_assert(size_class_of(kLargestClassBytes) == kClassCount - 1);
static_assert(kLargestClassBytes * 2 <= kRunBytes);
static_assert(kRunBytes / 16 <= UINT16_MAX);

// A block that is free: its first word links it to the next one.
struct FreeBlock {
  FreeBlock* next;
};

// What every mapping begins with. Written by the Heap under its lock before the mapping is handed
// out; `heap`, `home`, `bytes` and `large` stay as they are while any block lives, so a free may
// read them on any thread.
struct alignas(kCacheLine) Mapping {
  Heap* heap = nullptr;
  Mapping* home = nullptr;  // the first slab of the pool that owns it; of a large block, itself
  Mapping* previous = nullptr;
  Mapping* next = nullptr;  // the Heap's lists, under its lock
  size_t bytes = 0;
  bool large = false;
};

// One run of a slab; touched by the owner pool only, but for `size_class`, which is stable while a
// block lives.
struct Run {
  static constexpr uint8_t kUnassigned = 0xff;
  uint8_t size_class = kUnassigned;
  uint16_t carved = 0;  // blocks handed out at least once; the rest of the run was never touched
  uint16_t free = 0;    // scratch of Pool::trim
};

struct Slab : Mapping {
  Slab* next_in_pool = nullptr;  // the owner pool's list; owner only
  Run runs[kRunsPerSlab];

  // Only in a pool's first slab, its home, which outlives the pool if any block does.
  // Written by other threads: the blocks they freed (push: release CAS; pairs with the acquire
  // exchange of Pool::drain_remote) and how many there were, ever (relaxed: a counter).
  alignas(kCacheLine) std::atomic<FreeBlock*> remote{nullptr};
  std::atomic<uint64_t> remote_frees{0};
  // Written by the owner only, read by Heap::live_blocks (relaxed: a counter): allocations less own
  // frees.
  alignas(kCacheLine) std::atomic<uint64_t> live{0};

  static Mapping* mapping_of(const void* block) {
    return reinterpret_cast<Mapping*>(reinterpret_cast<uintptr_t>(block) & ~(kSlabBytes - 1));
  }
  Run& run_of(const void* block) {
    return runs[(reinterpret_cast<uintptr_t>(block) & (kSlabBytes - 1)) / kRunBytes];
  }
  // Where the blocks of a run begin: the first run gives its head to this header.
  std::byte* begin_of(size_t run) {
    return reinterpret_cast<std::byte*>(this) + (run == 0 ? sizeof(Slab) : run * kRunBytes);
  }
  std::byte* end_of(size_t run) {
    return reinterpret_cast<std::byte*>(this) + (run + 1) * kRunBytes;
  }
};

static_assert(sizeof(Slab) + kLargestClassBytes <= kRunBytes);

}  // namespace gatio
