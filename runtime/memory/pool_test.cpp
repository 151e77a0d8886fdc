#include "runtime/memory/pool.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/base/prng.hpp"
#include "runtime/base/sync_point.hpp"
#include "runtime/memory/test_map_kernel.hpp"

namespace gatio {
namespace {

// Blocks are mallocs of their own there, so nothing is carved, drained or mapped.
#define SKIP_WHERE_BLOCKS_COME_FROM_MALLOC() \
  if (kBlocksFromMalloc) GTEST_SKIP() << "blocks come from malloc in this build"

// One heap and some pools, none of them current at first.
class PoolTest : public testing::Test {
 protected:
  ~PoolTest() override { Pool::set_current(nullptr); }

  // As if this thread ran the driver of that pool.
  static void run_as(Pool* pool) { Pool::set_current(pool); }
  static void free_as(Pool* pool, void* block) {
    run_as(pool);
    Pool::free(block);
  }

  MapKernel kernel_;
  Heap heap_{kernel_, -1, 8 << 20};
  Pool one_{heap_};
  Pool other_{heap_};
};

TEST_F(PoolTest, EachSizeClassIsTheSmallestThatHoldsItsSizes) {
  for (size_t bytes = 0; bytes <= kLargestClassBytes; ++bytes) {
    unsigned size_class = size_class_of(bytes);
    ASSERT_GE(size_of_class(size_class), bytes);
    if (size_class > 0) {
      ASSERT_LT(size_of_class(size_class - 1), bytes);
    }
  }
}

TEST_F(PoolTest, EachSizeClassKeepsTheAlignment) {
  for (unsigned i = 0; i < kClassCount; ++i) EXPECT_EQ(size_of_class(i) % kBlockAlignment, 0u);
}

TEST_F(PoolTest, ABlockThatItsOwnerFreesIsHandedOutNext) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  run_as(&one_);
  void* block = one_.allocate(100);
  Pool::free(block);
  EXPECT_EQ(one_.allocate(112), block);
}

TEST_F(PoolTest, ABlockThatAnotherDriverFreesWaitsForItsOwnersDrain) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  void* block = one_.allocate(100);
  free_as(&other_, block);
  EXPECT_NE(one_.allocate(100), block);
  EXPECT_EQ(one_.drain_remote(), 1u);
  EXPECT_EQ(one_.allocate(100), block);
}

TEST_F(PoolTest, ABlockThatAThreadWithoutAPoolFreesComesBackToItsOwner) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  void* block = one_.allocate(100);
  std::thread([block] { Pool::free(block); }).join();
  EXPECT_EQ(one_.drain_remote(), 1u);
}

TEST_F(PoolTest, AnEmptyRemoteListDrainsNothing) {
  EXPECT_EQ(one_.drain_remote(), 0u);
  Pool::free(one_.allocate(1));
  one_.drain_remote();
  EXPECT_EQ(one_.drain_remote(), 0u);
}

TEST_F(PoolTest, SyncPointsStandInARemoteFreeAndNotInAnOwnOne) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  static int points = 0;
  points = 0;
  sync_point_hook = [](const char* where) {
    EXPECT_TRUE(std::string_view(where).starts_with("memory: remote ")) << where;
    ++points;
  };
  free_as(&one_, one_.allocate(100));
  EXPECT_EQ(points, 0);
  free_as(&other_, one_.allocate(100));
  EXPECT_EQ(points, 2);  // before the counter, and between the load and the exchange of the list
  sync_point_hook = nullptr;
}

TEST_F(PoolTest, LiveBlocksCountsWhatIsNotFreedYetDrainedOrNot) {
  void* first = one_.allocate(100);
  void* second = one_.allocate(100'000);
  EXPECT_EQ(heap_.live_blocks(), 2u);
  free_as(&other_, first);
  EXPECT_EQ(heap_.live_blocks(), 1u);
  Pool::free(second);
  EXPECT_EQ(heap_.live_blocks(), 0u);
}

TEST_F(PoolTest, AnExhaustedQuotaIsANullPointerAndNeverExceeded) {
  run_as(&one_);
  std::vector<void*> blocks;
  while (void* block = one_.allocate(1000)) blocks.push_back(block);
  EXPECT_GT(blocks.size(), 8000u * 9 / 10);
  EXPECT_LE(heap_.mapped_bytes(), heap_.quota_bytes());
  for (void* each : blocks) Pool::free(each);
}

TEST_F(PoolTest, AfterExhaustionOneFreeLetsOneAllocationSucceed) {
  run_as(&one_);
  std::vector<void*> blocks;
  while (void* block = one_.allocate(1000)) blocks.push_back(block);
  Pool::free(blocks.back());
  blocks.back() = one_.allocate(1000);
  EXPECT_NE(blocks.back(), nullptr);
  for (void* each : blocks) Pool::free(each);
}

TEST_F(PoolTest, MemoryThatWasFreedInOneSizeIsFoundForAnother) {
  run_as(&one_);
  std::vector<void*> blocks;
  while (void* block = one_.allocate(64)) blocks.push_back(block);
  for (void* each : blocks) Pool::free(each);
  void* block = one_.allocate(32'000);
  EXPECT_NE(block, nullptr);
  Pool::free(block);
}

TEST_F(PoolTest, MemoryThatWasFreedInSmallBlocksIsFoundForALargeOne) {
  run_as(&one_);
  std::vector<void*> blocks;
  while (void* block = one_.allocate(64)) blocks.push_back(block);
  for (void* each : blocks) Pool::free(each);
  void* block = one_.allocate(3'000'000);
  EXPECT_NE(block, nullptr);
  Pool::free(block);
}

TEST_F(PoolTest, ASizeClassThatIsExhaustedLooksAtItsRemoteListFirst) {
  run_as(&one_);
  std::vector<void*> blocks;
  while (void* block = one_.allocate(1000)) blocks.push_back(block);
  free_as(&other_, blocks.back());
  run_as(&one_);
  blocks.back() = one_.allocate(1000);
  EXPECT_NE(blocks.back(), nullptr);
  for (void* each : blocks) Pool::free(each);
}

TEST_F(PoolTest, TrimGivesEmptySlabsToTheOtherPools) {
  run_as(&one_);
  std::vector<void*> blocks;
  while (void* block = one_.allocate(1000)) blocks.push_back(block);
  for (void* each : blocks) Pool::free(each);
  one_.trim();
  void* block = other_.allocate(1000);
  EXPECT_NE(block, nullptr);
  Pool::free(block);
}

TEST_F(PoolTest, TrimKeepsTheRunsThatHaveALiveBlock) {
  run_as(&one_);
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(one_.allocate(200));
  auto* kept = static_cast<char*>(blocks[500]);
  memset(kept, 42, 200);
  for (void* each : blocks) {
    if (each != kept) Pool::free(each);
  }
  one_.trim();
  for (int i = 0; i < 1000; ++i) memset(blocks[i] = one_.allocate(200), 1, 200);
  EXPECT_EQ(std::string(kept, 200), std::string(200, 42));
  for (void* each : blocks) Pool::free(each);
  Pool::free(kept);
}

TEST_F(PoolTest, AFailedMapIsANullPointer) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  kernel_.maps_until_failure = 0;
  EXPECT_EQ(one_.allocate(100), nullptr);
  EXPECT_EQ(one_.allocate(100'000), nullptr);
  EXPECT_EQ(heap_.mapped_bytes(), 0u);
}

TEST_F(PoolTest, AllocationWorksAgainWhenMapsDo) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  kernel_.maps_until_failure = 0;
  EXPECT_EQ(one_.allocate(100), nullptr);
  kernel_.maps_until_failure = -1;
  EXPECT_NE(one_.allocate(100), nullptr);
}

TEST_F(PoolTest, APoolThatEndsWithoutLiveBlocksLeavesNoSlabInUse) {
  SKIP_WHERE_BLOCKS_COME_FROM_MALLOC();
  Heap heap(kernel_, -1, 1 << 20);  // room for one slab
  auto pool = std::make_unique<Pool>(heap);
  free_as(&one_, pool->allocate(100));
  pool.reset();
  Pool next(heap);
  EXPECT_NE(next.allocate(100), nullptr);
}

TEST_F(PoolTest, ABlockIsUsableAndFreedAfterItsPoolEnded) {
  auto pool = std::make_unique<Pool>(heap_);
  void* small = pool->allocate(100);
  void* large = pool->allocate(100'000);
  pool.reset();
  memset(small, 1, 100);
  memset(large, 1, 100'000);
  free_as(&one_, small);
  Pool::free(large);
  EXPECT_EQ(heap_.live_blocks(), 0u);
}

TEST_F(PoolTest, APoolThatEndsIsNoLongerCurrent) {
  {
    Pool pool(heap_);
    run_as(&pool);
    Pool::free(pool.allocate(1));
  }
  EXPECT_EQ(Pool::current(), nullptr);
}

using PoolDeathTest = PoolTest;

TEST_F(PoolDeathTest, AddressSanitizerSeesAWriteBeyondABlock) {
  if (!kBlocksFromMalloc) GTEST_SKIP() << "only a build with AddressSanitizer sees it";
  auto* block = static_cast<volatile char*>(one_.allocate(20));
  EXPECT_DEATH(block[20] = 1, "heap-buffer-overflow");
  Pool::free(const_cast<char*>(block));
}

TEST_F(PoolDeathTest, AddressSanitizerSeesAUseAfterFree) {
  if (!kBlocksFromMalloc) GTEST_SKIP() << "only a build with AddressSanitizer sees it";
  auto* block = static_cast<volatile char*>(one_.allocate(20));
  Pool::free(const_cast<char*>(block));
  EXPECT_DEATH(block[0] = 1, "heap-use-after-free");
}

// A model of blocks as intervals of addresses, each filled with a byte of its own, over several
// pools that one thread runs in turn.
class Model {
 public:
  Model(Heap& heap, size_t pools) {
    for (size_t i = 0; i < pools; ++i) pools_.push_back(std::make_unique<Pool>(heap));
  }
  ~Model() {
    while (!blocks_.empty()) free(blocks_.begin());
    Pool::set_current(nullptr);
  }

  void step() {
    Pool::set_current(pools_[*rc::gen::inRange<size_t>(0, pools_.size())].get());
    switch (*rc::gen::weightedElement<int>({{6, 0}, {5, 1}, {1, 2}, {1, 3}})) {
      case 0:
        return allocate();
      case 1:
        if (!blocks_.empty()) {
          free(std::next(blocks_.begin(), *rc::gen::inRange<long>(0, std::ssize(blocks_))));
        }
        return;
      case 2:
        Pool::current()->drain_remote();
        return;
      default:
        Pool::current()->trim();
    }
  }

  [[nodiscard]] size_t live() const { return blocks_.size(); }

  void free_all() {
    while (!blocks_.empty()) {
      Pool::set_current(pools_[*rc::gen::inRange<size_t>(0, pools_.size())].get());
      free(blocks_.begin());
    }
    for (auto& each : pools_) each->trim();
  }

 private:
  struct Block {
    size_t bytes;
    unsigned char fill;
  };
  using Blocks = std::map<std::byte*, Block>;

  void allocate() {
    size_t bytes =
        *rc::gen::oneOf(rc::gen::inRange<size_t>(0, 300), rc::gen::inRange<size_t>(0, 33'000),
                        rc::gen::inRange<size_t>(0, 80'000));
    auto* block = static_cast<std::byte*>(Pool::current()->allocate(bytes));
    if (block == nullptr) return;
    RC_ASSERT(reinterpret_cast<uintptr_t>(block) % kBlockAlignment == 0);
    auto next = blocks_.lower_bound(block);
    if (next != blocks_.end()) RC_ASSERT(block + std::max<size_t>(bytes, 1) <= next->first);
    if (next != blocks_.begin()) {
      auto before = std::prev(next);
      RC_ASSERT(before->first + std::max<size_t>(before->second.bytes, 1) <= block);
    }
    auto fill = static_cast<unsigned char>(++fills_);
    memset(block, fill, bytes);
    blocks_[block] = {bytes, fill};
  }

  void free(Blocks::iterator it) {
    auto [block, content] = *it;
    for (size_t i = 0; i < content.bytes; i += i + 65 < content.bytes ? 61 : 1) {
      RC_ASSERT(static_cast<unsigned char>(block[i]) == content.fill);
    }
    blocks_.erase(it);
    Pool::free(block);
  }

  std::vector<std::unique_ptr<Pool>> pools_;
  Blocks blocks_;
  unsigned fills_ = 0;
};

RC_GTEST_PROP(PoolModel, BlocksNeverOverlapAreCountedAndComeBackAll, ()) {
  MapKernel kernel;
  {
    Heap heap(kernel, -1, *rc::gen::inRange<size_t>(0, 6 << 20));
    Model model(heap, 3);
    auto steps = *rc::gen::inRange(0, 120);
    for (int i = 0; i < steps; ++i) {
      model.step();
      RC_ASSERT(heap.mapped_bytes() <= heap.quota_bytes());
      if (!kBlocksFromMalloc) RC_ASSERT(heap.mapped_bytes() == kernel.mapped_bytes);
      RC_ASSERT(heap.live_blocks() == model.live());
    }
    model.free_all();
    RC_ASSERT(heap.live_blocks() == 0u);
  }
  RC_ASSERT(kernel.mapped_bytes == 0u);
}

// Each thread runs a pool, allocates, hands blocks to the others through slots and frees what it
// finds there.
TEST(PoolStress, FourThreadsFreeEachOthersBlocks) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  MapKernel kernel;
  Heap heap(kernel, -1, 64 << 20);
  std::array<std::atomic<uint64_t*>, 64> slots{};
  std::vector<std::unique_ptr<Pool>> pools;
  for (int i = 0; i < kThreads; ++i) pools.push_back(std::make_unique<Pool>(heap));
  auto body = [&](int number) {
    Pool& pool = *pools[number];
    Pool::set_current(&pool);
    Prng prng(number);
    for (int i = 0; i < kRounds; ++i) {
      size_t words = 1 + prng.below(prng.below(100) == 0 ? 6000 : 40);
      auto* block = static_cast<uint64_t*>(pool.allocate(words * 8));
      if (block != nullptr) block[0] = block[words - 1] = words;
      // Acquire and release: the block's content goes with its address.
      uint64_t* found = slots[prng.below(slots.size())].exchange(block, std::memory_order_acq_rel);
      if (found != nullptr) {
        EXPECT_EQ(found[0], found[found[0] - 1]);
        Pool::free(found);
      }
      if (i % 16 == 0) pool.drain_remote();
      if (i % 4096 == 0) pool.trim();
    }
    Pool::set_current(nullptr);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(body, i);
  for (std::thread& each : threads) each.join();
  pools[0].reset();  // what is left is freed with one owner gone
  for (auto& slot : slots) Pool::free(slot.load());
  EXPECT_EQ(heap.live_blocks(), 0u);
}

}  // namespace
}  // namespace gatio
