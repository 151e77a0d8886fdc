// What a turn of a ring costs: NOPs prepared, submitted and reaped, a batch at a time, through Ring
// and beside it by liburing alone on a ring with the same flags.
#include <benchmark/benchmark.h>

#include "runtime/kernel/linux_kernel.hpp"
#include "runtime/ring/ring.hpp"

namespace gatio {
namespace {

constexpr unsigned kSqEntries = 1024;
constexpr unsigned kCqEntries = 4096;

struct Counter : Completion {
  Counter() {
    complete = [](Completion* self, int32_t, uint32_t) { ++static_cast<Counter*>(self)->count; };
  }
  int64_t count = 0;
};

void nops_by_ring(benchmark::State& state) {
  LinuxKernel kernel;
  Ring ring;
  // liburing 2.3 knows no ring without an SQ array.
  RingOptions options{
      .sq_entries = kSqEntries, .cq_entries = kCqEntries, .without = {.no_sqarray = true}};
  if (Result<void> opened = ring.open(kernel, options); !opened) {
    return state.SkipWithError(opened.error().message().c_str());
  }
  Counter counter;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      io_uring_sqe* sqe = ring.sqe();
      io_uring_prep_nop(sqe);
      io_uring_sqe_set_data(sqe, static_cast<Completion*>(&counter));
    }
    if (!ring.enter(false)) state.SkipWithError("the ring failed");
    ring.reap(kCqEntries);
  }
  if (counter.count != state.iterations() * state.range(0)) state.SkipWithError("NOPs were lost");
  state.SetItemsProcessed(counter.count);
}
BENCHMARK(nops_by_ring)->Arg(1)->Arg(8)->Arg(64);

void nops_by_liburing(benchmark::State& state) {
  io_uring ring{};
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
                 IORING_SETUP_CQSIZE;
  params.cq_entries = kCqEntries;
  if (io_uring_queue_init_params(kSqEntries, &ring, &params) < 0) {
    return state.SkipWithError("no ring could be set up");
  }
  io_uring_register_ring_fd(&ring);
  Counter counter;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      io_uring_sqe* sqe = io_uring_get_sqe(&ring);
      io_uring_prep_nop(sqe);
      io_uring_sqe_set_data(sqe, static_cast<Completion*>(&counter));
    }
    if (io_uring_submit(&ring) < 0) state.SkipWithError("the ring failed");
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
      auto* completion = static_cast<Completion*>(io_uring_cqe_get_data(cqe));
      completion->complete(completion, cqe->res, cqe->flags);
      ++count;
    }
    io_uring_cq_advance(&ring, count);
  }
  io_uring_queue_exit(&ring);
  if (counter.count != state.iterations() * state.range(0)) state.SkipWithError("NOPs were lost");
  state.SetItemsProcessed(counter.count);
}
BENCHMARK(nops_by_liburing)->Arg(1)->Arg(8)->Arg(64);

}  // namespace
}  // namespace gatio
