#include "runtime/memory/resource.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/memory/test_map_kernel.hpp"

namespace gatio {
namespace {

class ResourceTest : public testing::Test {
 protected:
  ResourceTest() { Pool::set_current(&pool_); }
  ~ResourceTest() override { Pool::set_current(nullptr); }

  MapKernel kernel_;
  Heap heap_{kernel_, -1, 4 << 20};
  Pool pool_{heap_};
  PoolResource resource_;
};

TEST_F(ResourceTest, AContainerLivesInTheCurrentPool) {
  std::pmr::vector<int> numbers(100, 7, &resource_);
  EXPECT_EQ(heap_.live_blocks(), 1u);
}

TEST_F(ResourceTest, AContainerGivesAllBack) {
  {
    std::pmr::vector<std::pmr::string> texts(&resource_);
    for (int i = 0; i < 100; ++i) texts.emplace_back(i * 10, 'x');
  }
  EXPECT_EQ(heap_.live_blocks(), 0u);
}

TEST_F(ResourceTest, EveryAlignmentIsKept) {
  for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
    void* block = resource_.allocate(100, alignment);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
    resource_.deallocate(block, 100, alignment);
  }
  EXPECT_EQ(heap_.live_blocks(), 0u);
}

TEST_F(ResourceTest, ExhaustionThrowsAsPmrDemands) {
  EXPECT_THROW((void)resource_.allocate(100 << 20), std::bad_alloc);
}

TEST_F(ResourceTest, WithoutACurrentPoolItThrows) {
  Pool::set_current(nullptr);
  EXPECT_THROW((void)resource_.allocate(1), std::bad_alloc);
}

TEST_F(ResourceTest, AllResourcesAreEqual) {
  PoolResource other;
  EXPECT_TRUE(resource_.is_equal(other));
  EXPECT_FALSE(resource_.is_equal(*std::pmr::new_delete_resource()));
}

}  // namespace
}  // namespace gatio
