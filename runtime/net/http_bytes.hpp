// A growable contiguous run of bytes on a memory resource: what responses are written to, and what
// the parser and the batch keep copies in. Appending is a memcpy; clear() keeps the memory, so a
// connection that is in steady state does not allocate. Owned by one connection or batch; one
// thread at a time.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <string_view>
#include <utility>

#include "runtime/base/assert.hpp"

namespace gatio::http {

class Bytes {
 public:
  explicit Bytes(std::pmr::memory_resource* memory) : memory_(memory) {}
  Bytes(Bytes&& other) noexcept
      : memory_(other.memory_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  // Each side keeps freeing with the resource that its memory came from.
  Bytes& operator=(Bytes&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Bytes() { release(); }

  [[nodiscard]] char* data() { return data_; }
  [[nodiscard]] const char* data() const { return data_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t capacity() const { return capacity_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::pmr::memory_resource* memory() const { return memory_; }
  [[nodiscard]] std::string_view view() const { return {data_, size_}; }

  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(grow(text.size()), text.data(), text.size());
  }
  // Makes room for `count` more bytes, which the caller fills, and returns their place.
  char* grow(size_t count) {
    reserve(size_ + count);
    char* place = data_ + size_;
    size_ += count;
    return place;
  }
  void reserve(size_t capacity) {
    if (capacity > capacity_) [[unlikely]]
      reallocate(capacity);
  }
  // Opens a hole of `count` bytes at `offset`, which the caller fills, and returns its place.
  char* insert(size_t offset, size_t count) {
    GATIO_ASSERT(offset <= size_);
    grow(count);
    std::memmove(data_ + offset + count, data_ + offset, size_ - count - offset);
    return data_ + offset;
  }
  void erase(size_t offset, size_t count) {
    GATIO_ASSERT(offset + count <= size_);
    if (count == 0) return;
    std::memmove(data_ + offset, data_ + offset + count, size_ - offset - count);
    size_ -= count;
  }
  void truncate(size_t size) {
    GATIO_ASSERT(size <= size_);
    size_ = size;
  }
  void clear() { size_ = 0; }
  // Gives the memory back.
  void release();

 private:
  void reallocate(size_t capacity);

  std::pmr::memory_resource* memory_;
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Where responses are serialised: one per connection, appended to by one response after the other.
using Output = Bytes;

}  // namespace gatio::http
