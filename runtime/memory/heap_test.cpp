#include "runtime/memory/heap.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "runtime/memory/pool.hpp"
#include "runtime/memory/test_map_kernel.hpp"

namespace gatio {
namespace {

// Blocks are mallocs of their own there, so nothing is mapped.
#define SKIP_WHERE_BLOCKS_COME_FROM_MALLOC() \
  if (kBlocksFromMalloc) GTEST_SKIP() << "blocks come from malloc in this build"

TEST(Heap, MapsNothingBeforeItIsAsked) {
  MapKernel kernel;
  Heap heap(kernel, -1, 1 << 20);
  EXPECT_EQ(heap.mapped_bytes(), 0u);
}

TEST(Heap, ALargeBlockIsUsableToItsEnd) {
  MapKernel kernel;
  Heap heap(kernel, -1, 64 << 20);
  void* block = heap.allocate(5'000'000);
  ASSERT_NE(block, nullptr);
  memset(block, 1, 5'000'000);
  Pool::free(block);
  EXPECT_EQ(heap.mapped_bytes(), 0u);
}

TEST(Heap, AnyAlignmentUpToHalfASlabIsKept) {
  MapKernel kernel;
  Heap heap(kernel, -1, 64 << 20);
  for (size_t alignment = 64; alignment <= kSlabBytes / 2; alignment *= 2) {
    void* block = heap.allocate(100, alignment);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
    Pool::free(block);
  }
  EXPECT_EQ(heap.live_blocks(), 0u);
}

TEST(Heap, AThreadWithoutAPoolAllocatesAndFrees) {
  MapKernel kernel;
  Heap heap(kernel, -1, 1 << 20);
  std::thread([&] { Pool::free(heap.allocate(100)); }).join();
  EXPECT_EQ(heap.live_blocks(), 0u);
}

TEST(Heap, TheQuotaCountsEveryMappedPage) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  MapKernel kernel;
  Heap heap(kernel, -1, 3 * 4096);
  void* block = heap.allocate(2 * 4096);  // and a page for the header
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(heap.mapped_bytes(), heap.quota_bytes());
  EXPECT_EQ(heap.allocate(1), nullptr);
}

TEST(Heap, AQuotaOfNothingAllocatesNothing) {
  MapKernel kernel;
  Heap heap(kernel, -1, 0);
  EXPECT_EQ(heap.allocate(0), nullptr);
}

TEST(Heap, ABlockOfAnySizeBeyondTheQuotaIsRefused) {
  MapKernel kernel;
  Heap heap(kernel, -1, 1 << 20);
  for (size_t bytes : {size_t{1} << 20, size_t{1} << 40, SIZE_MAX - 4096, SIZE_MAX}) {
    EXPECT_EQ(heap.allocate(bytes), nullptr);
  }
}

TEST(Heap, AFailedMapCountsNothing) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  MapKernel kernel;
  kernel.maps_until_failure = 0;
  Heap heap(kernel, -1, 1 << 20);
  EXPECT_EQ(heap.allocate(100), nullptr);
  EXPECT_EQ(heap.mapped_bytes(), 0u);
}

TEST(Heap, SpareSlabsMakeRoomForALargeBlock) {
  MapKernel kernel;
  Heap heap(kernel, -1, kSlabBytes);
  {
    Pool pool(heap);
    Pool::free(pool.allocate(100));
  }
  void* block = heap.allocate(500'000);
  EXPECT_NE(block, nullptr);
  Pool::free(block);
}

TEST(Heap, AFreedSlabIsReusedWithoutANewMap) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  MapKernel kernel;
  Heap heap(kernel, -1, 4 * kSlabBytes);
  void* block = Pool(heap).allocate(100);
  Pool::free(block);
  { Pool pool(heap); }
  kernel.maps_until_failure = 1;
  for (int i = 0; i < 3; ++i) {
    Pool pool(heap);
    Pool::set_current(&pool);
    void* each = pool.allocate(100);
    EXPECT_NE(each, nullptr);
    Pool::free(each);
  }
}

TEST(Heap, ItsEndUnmapsWhatIsStillInUse) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  MapKernel kernel;
  {
    Heap heap(kernel, -1, 64 << 20);
    Pool pool(heap);
    EXPECT_NE(pool.allocate(100), nullptr);
    EXPECT_NE(heap.allocate(2'000'000), nullptr);
  }
  EXPECT_EQ(kernel.mapped_bytes, 0u);
}

// The node a page lies on, or a negative errno.
int node_of_page(void* address) {
  auto page_mask = ~(static_cast<uintptr_t>(::getpagesize()) - 1);
  auto* page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(address) & page_mask);
  int status = -EINVAL;
  if (::syscall(SYS_move_pages, 0, 1, &page, nullptr, &status, 0) != 0) return -errno;
  return status;
}

TEST(Heap, BlocksLieOnTheNodeOfTheHeap) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  MapKernel kernel;
  Heap heap(kernel, 0, 64 << 20);
  Pool pool(heap);
  void* small = pool.allocate(1000);
  void* large = heap.allocate(100'000);
  memset(small, 1, 1000);
  memset(large, 1, 100'000);
  if (kernel.bind_errors > 0 || node_of_page(small) == -EPERM || node_of_page(small) == -ENOSYS) {
    GTEST_SKIP() << "this machine does not let mbind or move_pages be called";
  }
  EXPECT_EQ(node_of_page(small), 0);
  EXPECT_EQ(node_of_page(large), 0);
}

TEST(Heap, ItsMappingsAreBoundAndNotOnlyPlacedByChance) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  MapKernel kernel;
  Heap heap(kernel, 0, 64 << 20);
  void* block = heap.allocate(100'000);
  constexpr unsigned long kOfAddress = 2;  // MPOL_F_ADDR
  int mode = -1;
  unsigned long mask = 0;
  long rc = ::syscall(SYS_get_mempolicy, &mode, &mask, sizeof(mask) * 8, block, kOfAddress);
  if (rc != 0 || kernel.bind_errors > 0)
    GTEST_SKIP() << "this machine does not let memory policies be used";
  EXPECT_EQ(mode, 2);  // MPOL_BIND
  EXPECT_EQ(mask, 1ul);
}

}  // namespace
}  // namespace gatio
