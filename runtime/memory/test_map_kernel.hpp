// For the tests and benchmarks of memory: a Kernel of which only map and unmap work. It counts what
// is mapped and can be told to fail. The maps may be called by several threads.
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "runtime/base/assert.hpp"
#include "runtime/kernel/kernel.hpp"

namespace gatio {

class MapKernel : public Kernel {
 public:
  std::atomic<size_t> mapped_bytes{0};
  std::atomic<int> maps_until_failure{-1};  // that many maps succeed, then all fail; -1: none fails
  std::atomic<int> bind_errors{0};

  void* map(size_t bytes, size_t alignment, int node) override {
    if (maps_until_failure == 0) return nullptr;
    if (maps_until_failure > 0) --maps_until_failure;
    size_t reserved = bytes + alignment;
    void* whole = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (whole == MAP_FAILED) return nullptr;
    auto start = reinterpret_cast<uintptr_t>(whole);
    uintptr_t aligned = (start + alignment - 1) & ~(alignment - 1);
    if (aligned > start) ::munmap(whole, aligned - start);
    uintptr_t tail = start + reserved - (aligned + bytes);
    if (tail > 0) ::munmap(reinterpret_cast<void*>(aligned + bytes), tail);
    auto* address = reinterpret_cast<void*>(aligned);
    if (node >= 0) bind_memory(address, bytes, node);
    mapped_bytes += bytes;
    return address;
  }
  void unmap(void* address, size_t bytes) override {
    GATIO_ASSERT(::munmap(address, bytes) == 0);
    mapped_bytes -= bytes;
  }

  int ring_setup(unsigned, io_uring_params&, io_uring&) override { return no(); }
  int ring_enter(io_uring&, unsigned, unsigned, unsigned, const void*, size_t) override {
    return no();
  }
  int ring_register(io_uring&, unsigned, const void*, unsigned) override { return no(); }
  void ring_close(io_uring&) override { no(); }
  int ring_message(int, uint64_t) override { return no(); }
  uint64_t now_ns() override { return 0; }
  int64_t wall_seconds() override { return 0; }
  uint64_t cpu_ns() override { return 0; }
  void spend(uint64_t) override { no(); }
  void relax() override { no(); }
  int socket(int, int, int) override { return no(); }
  int bind(int, const sockaddr*, socklen_t) override { return no(); }
  int listen(int, int) override { return no(); }
  int getsockname(int, sockaddr*, socklen_t*) override { return no(); }
  int setsockopt(int, int, int, const void*, socklen_t) override { return no(); }
  int getsockopt(int, int, int, void*, socklen_t*) override { return no(); }
  int close(int) override { return no(); }
  int event_fd() override { return no(); }
  int event_signal(int) override { return no(); }
  int signal_fd(const sigset_t&) override { return no(); }
  int pin(unsigned) override { return no(); }
  Result<Topology> topology() override { return fail(no()); }
  int start_helper(std::function<void()>) override { return no(); }

 private:
  static int no() {
    GATIO_ASSERT(!"memory calls no other door");
    return -1;
  }
  void bind_memory(void* address, size_t bytes, int node) {
    constexpr int kBind = 2;  // MPOL_BIND
    unsigned long mask = 1ul << node;
    if (::syscall(SYS_mbind, address, bytes, kBind, &mask, sizeof(mask) * 8, 0) != 0) ++bind_errors;
  }
};

}  // namespace gatio
