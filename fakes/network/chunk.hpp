// Bytes on their way: chunks that move from queue to queue without being copied, and their reuse.
// A chunk is also what carries a sign of TCP's (SYN, FIN, ...), so that all that one side says to
// the other stays in one order. Owned by the Fabric (the pool) and by connections (the queues); the
// simulation's one thread only.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gatio::fakes {

enum class Sign : uint8_t {
  data,
  connect,      // SYN
  accept,       // SYN and ACK
  established,  // the ACK that ends the handshake
  window,       // the receiver has room again
  end,          // FIN
  reset,        // RST
};

struct Chunk {
  Chunk* next = nullptr;
  uint64_t arrival_ns = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t capacity = 0;
  Sign sign = Sign::data;

  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] uint32_t size() const { return end - begin; }
  [[nodiscard]] uint32_t room() const { return capacity - end; }
};

class ChunkPool {
 public:
  static constexpr std::array<uint32_t, 4> kSizes = {64, 256, 2048, 32768};  // with the header
  static constexpr uint32_t kMost = kSizes.back() - sizeof(Chunk);

  ChunkPool() = default;
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool();

  // A chunk of the smallest size with room for `bytes`, or of the largest.
  [[nodiscard]] Chunk* get(size_t bytes, Sign sign = Sign::data);
  void put(Chunk* chunk);

 private:
  std::array<Chunk*, kSizes.size()> free_{};
};

// A queue of chunks, first in, first out; it counts their bytes.
class ChunkQueue {
 public:
  explicit ChunkQueue(ChunkPool& pool) : pool_(pool) {}
  ChunkQueue(const ChunkQueue&) = delete;
  ChunkQueue& operator=(const ChunkQueue&) = delete;
  ~ChunkQueue() { clear(); }

  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] Chunk* first() const { return first_; }

  void push(Chunk* chunk);
  // Into the room of the last chunk, where it is small and fits: many tiny sends stay small.
  void merge(Chunk* chunk);
  [[nodiscard]] Chunk* pop();
  // At most `most` bytes of the first chunk, as a chunk of its own.
  [[nodiscard]] Chunk* pop(size_t most);
  // Copies `count` bytes in from `offset` bytes into `from`, out to `to` from the front.
  void copy_in(std::span<const iovec> from, size_t count);
  size_t copy_out(std::span<const iovec> to, bool peek);
  void clear();

 private:
  ChunkPool& pool_;
  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace gatio::fakes
