// A block allocated and freed again, from a driver's pool and from malloc.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

#include "runtime/memory/pool.hpp"
#include "runtime/memory/test_map_kernel.hpp"

namespace gatio {
namespace {

void pool_pair(benchmark::State& state) {
  MapKernel kernel;
  Heap heap(kernel, -1, 64 << 20);
  Pool pool(heap);
  Pool::set_current(&pool);
  auto bytes = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* block = pool.allocate(bytes);
    benchmark::DoNotOptimize(block);
    Pool::free(block);
  }
}
BENCHMARK(pool_pair)->Arg(64)->Arg(256)->Arg(1024);

void malloc_pair(benchmark::State& state) {
  auto bytes = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* block = std::malloc(bytes);
    benchmark::DoNotOptimize(block);
    std::free(block);
  }
}
BENCHMARK(malloc_pair)->Arg(64)->Arg(256)->Arg(1024);

// Many live blocks, freed in another order than they were made: the caches of malloc overflow.
template <bool from_pool>
void batch(benchmark::State& state) {
  MapKernel kernel;
  Heap heap(kernel, -1, 256 << 20);
  Pool pool(heap);
  Pool::set_current(&pool);
  auto bytes = static_cast<size_t>(state.range(0));
  std::vector<void*> blocks(1000);
  for (auto _ : state) {
    for (void*& each : blocks) each = from_pool ? pool.allocate(bytes) : std::malloc(bytes);
    benchmark::DoNotOptimize(blocks.data());
    for (size_t i = 0; i < blocks.size(); ++i) {
      void* block = blocks[i * 7 % blocks.size()];
      from_pool ? Pool::free(block) : std::free(block);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(blocks.size()));
}
BENCHMARK(batch<true>)->Name("pool_batch")->Arg(64)->Arg(256)->Arg(1024);
BENCHMARK(batch<false>)->Name("malloc_batch")->Arg(64)->Arg(256)->Arg(1024);

}  // namespace
}  // namespace gatio
