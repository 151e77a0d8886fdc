// The anonymous memory that the fake kernel has given out, each piece tagged with its node. Pieces
// that were given back are kept and given out again, since a campaign makes thousands of short
// runs, and for each the real kernel would have to map, clear and unmap the same pages. Owned by
// the Machine; the simulation's one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace gatio::fakes {

class Mappings {
 public:
  // What a piece holds when it is given out: this byte throughout, or, which is quick, whatever the
  // run before has left there. Linux gives zeros; nobody may rely on either.
  explicit Mappings(std::optional<uint8_t> fill = std::nullopt) : fill_(fill) {}
  Mappings(const Mappings&) = delete;
  Mappings& operator=(const Mappings&) = delete;
  ~Mappings();

  // nullptr where the real machine has none.
  void* map(size_t bytes, size_t alignment, int node);
  // Exactly what map() gave.
  void unmap(void* address, size_t bytes);
  // The node of the piece in which the address lies; `none` where it lies in none.
  [[nodiscard]] int node_of(const void* address, int none) const;
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  struct Piece {
    size_t bytes = 0;
    size_t alignment = 1;
    int node = -1;
  };
  std::optional<uint8_t> fill_;
  std::map<uintptr_t, Piece> pieces_;
  size_t bytes_ = 0;
};

}  // namespace gatio::fakes
