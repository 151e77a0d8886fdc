#include "fakes/mappings.hpp"

#include <sys/mman.h>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {

Mappings::~Mappings() {
  for (const auto& [address, piece] : pieces_) {
    munmap(reinterpret_cast<void*>(address), piece.bytes);
  }
}

void* Mappings::map(size_t bytes, size_t alignment, int node) {
  constexpr size_t kPage = 4096;
  size_t slack = alignment > kPage ? alignment - kPage : 0;
  void* raw = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto start = reinterpret_cast<uintptr_t>(raw);
  uintptr_t aligned = (start + alignment - 1) / alignment * alignment;
  if (aligned > start) munmap(raw, aligned - start);
  size_t behind = start + slack - aligned;
  if (behind > 0) munmap(reinterpret_cast<void*>(aligned + bytes), behind);
  pieces_[aligned] = {bytes, node};
  bytes_ += bytes;
  return reinterpret_cast<void*>(aligned);
}

void Mappings::unmap(void* address, size_t bytes) {
  auto found = pieces_.find(reinterpret_cast<uintptr_t>(address));
  GATIO_ASSERT(found != pieces_.end() && found->second.bytes == bytes);
  pieces_.erase(found);
  bytes_ -= bytes;
  munmap(address, bytes);
}

int Mappings::node_of(const void* address, int none) const {
  auto place = reinterpret_cast<uintptr_t>(address);
  auto behind = pieces_.upper_bound(place);
  if (behind == pieces_.begin()) return none;
  const auto& [start, piece] = *std::prev(behind);
  return place - start < piece.bytes ? piece.node : none;
}

}  // namespace gatio::fakes
