// The anonymous memory that the fake kernel has given out, each piece tagged with its node. Owned
// by the Machine; the simulation's one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace gatio::fakes {

class Mappings {
 public:
  Mappings() = default;
  Mappings(const Mappings&) = delete;
  Mappings& operator=(const Mappings&) = delete;
  ~Mappings();

  // Zeroed memory; nullptr where the real machine has none.
  void* map(size_t bytes, size_t alignment, int node);
  // Exactly what map() gave.
  void unmap(void* address, size_t bytes);
  // The node of the piece in which the address lies; `none` where it lies in none.
  [[nodiscard]] int node_of(const void* address, int none) const;
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  struct Piece {
    size_t bytes = 0;
    int node = -1;
  };
  std::map<uintptr_t, Piece> pieces_;
  size_t bytes_ = 0;
};

}  // namespace gatio::fakes
