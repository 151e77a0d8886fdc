#include "runtime/memory/pool.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "runtime/memory/map_kernel.hpp"

namespace gatio {
namespace {

TEST(Pool, AllocatesAndFreesInTheSimpleCase) {
  MapKernel kernel;
  Heap heap(kernel, -1, 8 << 20);
  Pool pool(heap);
  Pool::set_current(&pool);
  void* a = pool.allocate(100);
  ASSERT_NE(a, nullptr);
  memset(a, 1, 100);
  EXPECT_EQ(heap.live_blocks(), 1u);
  Pool::free(a);
  EXPECT_EQ(heap.live_blocks(), 0u);
}

}  // namespace
}  // namespace gatio
