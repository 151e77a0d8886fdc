// Frees from elsewhere against their owner's drains and allocations, in every order of their steps.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "runtime/base/testing.hpp"
#include "runtime/memory/pool.hpp"
#include "runtime/memory/test_map_kernel.hpp"

namespace gatio {
namespace {

constexpr size_t kBytes = 1024;
constexpr size_t kBlocks = 4;  // carved at once: the owner's list is empty when they are in use
static_assert(kBlocks * kBytes == 4096);

// The owner has `kBlocks` in use, of which others free some while it drains and allocates `rounds`
// times. `held` is what somebody may use at the moment, by the book of the test.
struct RemoteFrees {
  explicit RemoteFrees(const std::vector<size_t>& frees_of_others) {
    Pool::set_current(&owner);
    std::vector<void*> fresh;
    for (size_t i = 0; i < kBlocks; ++i) fresh.push_back(allocate());
    for (size_t count : frees_of_others) {
      to_free.emplace_back(fresh.end() - static_cast<ptrdiff_t>(count), fresh.end());
      freed.insert(to_free.back().begin(), to_free.back().end());
      fresh.resize(fresh.size() - count);
    }
  }
  ~RemoteFrees() { Pool::set_current(nullptr); }

  void* allocate() {
    void* block = owner.allocate(kBytes);
    EXPECT_TRUE(held.insert(block).second) << "a block was handed out twice";
    return block;
  }
  void own(size_t rounds) {
    for (size_t i = 0; i < rounds; ++i) {
      sync_point("memory: turn");
      drained += owner.drain_remote();
      sync_point("memory: allocate");
      allocate();
    }
  }
  void free_all_of(size_t other) {
    for (void* block : to_free[other]) {
      held.erase(block);
      Pool::free(block);
    }
  }
  // All is done: what was freed is found again, each block once.
  void check() {
    Pool::set_current(&owner);
    drained += owner.drain_remote();
    EXPECT_LE(drained, freed.size()) << "a block came back twice";
    EXPECT_EQ(owner.drain_remote(), 0u);
    EXPECT_EQ(heap.live_blocks(), held.size());
    for (size_t i = 0; i < 2 * kBlocks; ++i) allocate();
    for (void* block : freed) EXPECT_TRUE(held.contains(block)) << "a block was lost";
    for (void* block : held) Pool::free(block);
    EXPECT_EQ(heap.live_blocks(), 0u);
  }

  MapKernel kernel;
  Heap heap{kernel, -1, 8 << 20};
  Pool owner{heap};
  Pool other{heap};
  std::vector<std::vector<void*>> to_free;
  std::set<void*> freed;
  std::set<void*> held;
  size_t drained = 0;
};

// The first of the others runs a pool of its own, the second is a thread without one.
size_t explore_frees(const std::vector<size_t>& frees_of_others, size_t rounds) {
  std::unique_ptr<RemoteFrees> run;
  EveryOrder orders;
  orders.points = "memory: ";
  orders.before_step = [&](size_t actor) {
    Pool* pools[] = {&run->owner, &run->other, nullptr};
    Pool::set_current(pools[actor]);
  };
  auto make = [&] {
    run = std::make_unique<RemoteFrees>(frees_of_others);
    std::vector<EveryOrder::Actor> actors{[&] { run->own(rounds); }};
    for (size_t i = 0; i < frees_of_others.size(); ++i)
      actors.push_back([&, i] { run->free_all_of(i); });
    return actors;
  };
  return orders.explore(make, [&](bool stuck) {
    EXPECT_FALSE(stuck);
    run->check();
    return !testing::Test::HasFailure();
  });
}

#define SKIP_WHERE_NOTHING_IS_DRAINED() \
  if (kBlocksFromMalloc) GTEST_SKIP() << "blocks come from malloc in this build"

TEST(PoolOrder, NoOrderOfTwoFreesAndTheOwnerLosesABlockOrHandsItOutTwice) {
  GATIO_NEEDS_CONTEXTS();
  SKIP_WHERE_NOTHING_IS_DRAINED();
  EXPECT_GT(explore_frees({1, 1}, 2), 1000u);
}

TEST(PoolOrder, NoOrderOfTwoFreesOfOneThreadAndTheOwnerLosesABlockOrHandsItOutTwice) {
  GATIO_NEEDS_CONTEXTS();
  SKIP_WHERE_NOTHING_IS_DRAINED();
  EXPECT_GT(explore_frees({2}, 3), 500u);
}

}  // namespace
}  // namespace gatio
