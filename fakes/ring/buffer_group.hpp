// A group of provided buffers of a fake ring: a view of the user's ring of io_uring_buf, and how
// far it is consumed. Owned by its FakeRing; the simulation's one thread only.
#pragma once

#include <liburing.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {

class BufferGroup {
 public:
  BufferGroup(io_uring_buf_ring* ring, unsigned entries, bool incremental)
      : ring_(ring), mask_(static_cast<uint16_t>(entries - 1)), incremental_(incremental) {}

  // The buffer that is next, not yet taken; nothing when the user has given none.
  [[nodiscard]] std::optional<std::span<char>> next() const {
    if (__atomic_load_n(&ring_->tail, __ATOMIC_ACQUIRE) == head_) return std::nullopt;
    const io_uring_buf& buffer = ring_->bufs[head_ & mask_];
    return std::span<char>(reinterpret_cast<char*>(buffer.addr), buffer.len);
  }
  // Takes `bytes` of the buffer that is next, and says so in the flags of a CQE.
  uint32_t take(size_t bytes) {
    io_uring_buf& buffer = ring_->bufs[head_ & mask_];
    uint32_t flags = IORING_CQE_F_BUFFER | static_cast<uint32_t>(buffer.bid)
                                               << IORING_CQE_BUFFER_SHIFT;
    if (incremental_ && bytes < buffer.len) {
      buffer.addr += bytes;
      buffer.len -= static_cast<uint32_t>(bytes);
      return flags | uapi::kCqeBufferMore;
    }
    if (incremental_) buffer.len = 0;
    ++head_;
    return flags;
  }
  // Of all that are not taken: how many, and the i-th of them.
  [[nodiscard]] size_t count() const {
    return static_cast<uint16_t>(__atomic_load_n(&ring_->tail, __ATOMIC_ACQUIRE) - head_);
  }
  [[nodiscard]] std::span<char> at(size_t i) const {
    const io_uring_buf& buffer = ring_->bufs[(head_ + i) & mask_];
    return {reinterpret_cast<char*>(buffer.addr), buffer.len};
  }
  // Takes `bytes` of the next `buffers`, and says so in the flags of a CQE, which names the first.
  uint32_t take(size_t bytes, size_t buffers) {
    uint32_t flags = 0;
    for (size_t i = 0; i < buffers; ++i) {
      size_t part = std::min(bytes, at(0).size());
      uint32_t of_this = take(part);
      flags = i == 0 ? of_this : (flags & ~uapi::kCqeBufferMore) | (of_this & uapi::kCqeBufferMore);
      bytes -= part;
    }
    return flags;
  }
  [[nodiscard]] bool incremental() const { return incremental_; }

 private:
  io_uring_buf_ring* ring_;
  uint16_t mask_;
  uint16_t head_ = 0;
  bool incremental_;
};

}  // namespace gatio::fakes
