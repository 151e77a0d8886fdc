#include "fakes/mappings.hpp"

#include <sys/mman.h>

#include <cstring>
#include <utility>
#include <vector>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {
namespace {

// More than a run of a campaign has at a time; what is beyond goes back to the system.
constexpr size_t kMostSpareBytes = size_t{64} << 20;

void* map_from_system(size_t bytes, size_t alignment) {
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
  return reinterpret_cast<void*>(aligned);
}

// What no run uses, by size and alignment.
class Spare {
 public:
  void* get(size_t bytes, size_t alignment) {
    auto found = pieces_.find({bytes, alignment});
    if (found == pieces_.end() || found->second.empty()) return nullptr;
    void* address = found->second.back();
    found->second.pop_back();
    bytes_ -= bytes;
    return address;
  }
  void put(void* address, size_t bytes, size_t alignment) {
    if (bytes_ + bytes > kMostSpareBytes) {
      munmap(address, bytes);
      return;
    }
    pieces_[{bytes, alignment}].push_back(address);
    bytes_ += bytes;
  }

 private:
  std::map<std::pair<size_t, size_t>, std::vector<void*>> pieces_;
  size_t bytes_ = 0;
};

Spare& spare() {
  static Spare pieces;
  return pieces;
}

}  // namespace

Mappings::~Mappings() {
  for (const auto& [address, piece] : pieces_) {
    spare().put(reinterpret_cast<void*>(address), piece.bytes, piece.alignment);
  }
}

void* Mappings::map(size_t bytes, size_t alignment, int node) {
  void* address = spare().get(bytes, alignment);
  if (address == nullptr) address = map_from_system(bytes, alignment);
  if (address == nullptr) return nullptr;
  if (fill_) std::memset(address, *fill_, bytes);
  pieces_[reinterpret_cast<uintptr_t>(address)] = {bytes, alignment, node};
  bytes_ += bytes;
  return address;
}

void Mappings::unmap(void* address, size_t bytes) {
  auto found = pieces_.find(reinterpret_cast<uintptr_t>(address));
  GATIO_ASSERT(found != pieces_.end() && found->second.bytes == bytes);
  spare().put(address, bytes, found->second.alignment);
  pieces_.erase(found);
  bytes_ -= bytes;
}

int Mappings::node_of(const void* address, int none) const {
  auto place = reinterpret_cast<uintptr_t>(address);
  auto behind = pieces_.upper_bound(place);
  if (behind == pieces_.begin()) return none;
  const auto& [start, piece] = *std::prev(behind);
  return place - start < piece.bytes ? piece.node : none;
}

}  // namespace gatio::fakes
