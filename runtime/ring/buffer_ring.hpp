// A provided-buffer ring: memory that the kernel picks receive buffers from by itself, one group of
// equal buffers. Owned and touched by the ring's driver only; closed before its ring and after
// every receive that uses the group has ended.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/assert.hpp"
#include "runtime/base/result.hpp"
#include "runtime/ring/ring.hpp"

namespace gatio {

class BufferRing {
 public:
  BufferRing() = default;
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  ~BufferRing() { close(); }

  // Maps `count` buffers (a power of two, at most 32768) of `size` bytes on the node (-1 =
  // wherever), gives them all to the kernel and registers them as `group` of the ring.
  Result<void> open(Ring& ring, uint16_t group, unsigned count, unsigned size, int node);
  void close();
  [[nodiscard]] bool is_open() const { return ring_ != nullptr; }

  // The bytes of a buffer that a CQE with IORING_CQE_F_BUFFER names (its id is flags >>
  // IORING_CQE_BUFFER_SHIFT). The first look takes it from the free ones. Each such buffer must be
  // looked at and recycled, also where there is nothing in it.
  std::span<char> buffer(uint16_t id, size_t length) {
    GATIO_ASSERT(id < count_ && length <= size_);
    free_ -= taken_[id] ? 0 : 1;
    taken_[id] = true;
    return {data_ + static_cast<size_t>(id) * size_, length};
  }

  // Gives a buffer back to the kernel, at once.
  void recycle(uint16_t id) {
    GATIO_ASSERT(id < count_ && taken_[id]);
    taken_[id] = false;
    ++free_;
    add(id);
    publish();
  }

  [[nodiscard]] unsigned free_count() const { return free_; }  // those with the kernel
  [[nodiscard]] unsigned count() const { return count_; }
  [[nodiscard]] unsigned size() const { return size_; }
  [[nodiscard]] uint16_t group() const { return group_; }

 private:
  void add(uint16_t id);
  // The release pairs with the kernel's acquire of the tail: the entries before it are whole.
  void publish() { __atomic_store_n(&entries_->tail, tail_, __ATOMIC_RELEASE); }

  Ring* ring_ = nullptr;
  io_uring_buf_ring* entries_ = nullptr;  // count_ of them, in front of the data in one mapping
  char* data_ = nullptr;
  size_t mapped_bytes_ = 0;
  std::vector<bool> taken_;
  unsigned count_ = 0;
  unsigned size_ = 0;
  unsigned free_ = 0;
  uint16_t group_ = 0;
  uint16_t tail_ = 0;
};

inline void BufferRing::add(uint16_t id) {
  io_uring_buf& entry = entries_->bufs[tail_ & (count_ - 1)];
  // Field by field: the last one of entry 0 is the ring's tail.
  entry.addr = reinterpret_cast<uint64_t>(data_ + static_cast<size_t>(id) * size_);
  entry.len = size_;
  entry.bid = id;
  ++tail_;
}

}  // namespace gatio
