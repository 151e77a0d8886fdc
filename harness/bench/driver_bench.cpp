// What a whole turn of a driver costs when there is nothing to do but one NOP: the clock, the
// mailbox, the run queue, one enter and one completion.
#include <benchmark/benchmark.h>
#include <sched.h>

#include <thread>

#include "runtime/driver/driver.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio {
namespace {

void turns(benchmark::State& state) {
  LinuxKernel kernel;
  Heap heap(kernel, -1, 64 << 20);
  Driver driver(kernel, heap, {.cpu = static_cast<unsigned>(sched_getcpu())});
  driver.set_peers(nullptr, &driver, false);
  driver.enter_thread();
  if (Result<void> opened = driver.open(); !opened) {
    state.SkipWithError(opened.error().message().c_str());
  }
  for (auto _ : state) {
    io_uring_prep_nop(driver.io_sqe());
    driver.turn();
  }
  driver.close();
  Driver::leave_thread();
  if (driver.ring().stats().cqes != static_cast<uint64_t>(state.iterations())) {
    state.SkipWithError("NOPs were lost");
  }
}

// On a thread of its own, since a driver pins the thread that opens it.
void turn_with_nop(benchmark::State& state) {
  std::thread thread([&] { turns(state); });
  thread.join();
}
BENCHMARK(turn_with_nop);

}  // namespace
}  // namespace gatio
