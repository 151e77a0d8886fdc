// Computes on other drivers than the one that asks, in the three ways there are: hop there and
// back, call a task there, or spawn many and let placement choose for each.
#include <atomic>
#include <cstdio>
#include <gatio.hpp>

unsigned primes_between(unsigned first, unsigned end) {
  unsigned count = 0;
  for (unsigned number = first; number < end; ++number) {
    bool prime = number > 1;
    for (unsigned divisor = 2; divisor * divisor <= number && prime; ++divisor) {
      prime = number % divisor != 0;
    }
    count += prime ? 1 : 0;
  }
  return count;
}

void print(const char* how, unsigned count) {
  std::printf("%s: %u primes, said on driver %s\n", how, count,
              gatio::Driver::current()->name().c_str());
}

gatio::Task<void> compute(gatio::Runtime& runtime) {
  gatio::Driver& here = *gatio::Driver::current();
  gatio::Driver& there = *runtime.tpcs().front()->drivers().back();

  if (!co_await gatio::hop_to(there)) co_return;  // an io driver runs no tasks
  print("hopped there", primes_between(0, 100'000));
  if (!co_await gatio::hop_to(here)) co_return;

  auto count_all = []() -> gatio::Task<unsigned> { co_return primes_between(0, 100'000); };
  gatio::Result<unsigned> called = co_await gatio::call_on(there, count_all);
  if (called) print("called there", *called);

  std::atomic<unsigned> sum{0};
  co_await gatio::with_scope([&sum](gatio::Scope& scope) -> gatio::Task<void> {
    for (unsigned part = 0; part < 10; ++part) {
      auto count = [&sum, part]() -> gatio::Task<void> {
        sum += primes_between(part * 10'000, (part + 1) * 10'000);
        co_return;
      };
      if (!scope.spawn(count, {.cost_ns = 2'000'000})) co_return;  // no memory
    }
  });
  print("spawned in ten parts", sum);
}

int main() {
  gatio::LinuxKernel kernel;
  gatio::Runtime runtime(kernel, {});
  runtime.on_start([&runtime]() -> gatio::Task<void> {
    co_await compute(runtime);
    runtime.shutdown();
  });
  gatio::Result<void> ran = runtime.run();
  if (!ran) std::fprintf(stderr, "compute: %s\n", ran.error().message().c_str());
  return ran ? 0 : 1;
}
