// The memory that a fake ring shares with its user, laid out behind `struct io_uring` as liburing's
// inline helpers expect it. Owned by its FakeRing; the simulation's one thread only.
#pragma once

#include <liburing.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace gatio::fakes {

// A CQE of 16 bytes without the flexible array that io_uring_cqe ends with.
struct Cqe {
  uint64_t user_data = 0;
  int32_t res = 0;
  uint32_t flags = 0;
};

class RingMemory {
 public:
  RingMemory(unsigned sq_entries, unsigned cq_entries, bool index_array);
  ~RingMemory();
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;

  // Points the user's struct at this memory.
  void describe(io_uring& ring) const;

  [[nodiscard]] unsigned sq_entries() const { return sq_entries_; }
  [[nodiscard]] unsigned cq_entries() const { return cq_entries_; }
  // Never more than there are, whatever the user has made of the tail.
  [[nodiscard]] unsigned sqes_queued() const {
    return std::min(heads_->sq_tail - heads_->sq_head, sq_entries_);
  }
  // Copies the oldest SQE out and fills its place with poison. False where the index array names no
  // SQE: it is dropped.
  bool take(io_uring_sqe& sqe);

  [[nodiscard]] unsigned cqes_ready() const { return heads_->cq_tail - heads_->cq_head; }
  [[nodiscard]] bool cq_has_room() const { return cqes_ready() < cq_entries_; }
  void post(const Cqe& cqe);
  [[nodiscard]] unsigned cq_head() const { return heads_->cq_head; }
  [[nodiscard]] unsigned cq_tail() const { return heads_->cq_tail; }

  [[nodiscard]] bool contains(const void* address) const {
    const char* place = static_cast<const char*>(address);
    return place >= memory_ && place < memory_ + bytes_;
  }

  void raise(unsigned sq_flags) { heads_->sq_flags |= sq_flags; }
  void lower(unsigned sq_flags) { heads_->sq_flags &= ~sq_flags; }

 private:
  // Each on a cache line, as in Linux: what the user writes apart from what the kernel writes.
  struct Heads {
    alignas(64) unsigned sq_head;
    unsigned cq_tail;
    unsigned sq_flags;
    unsigned sq_dropped;
    unsigned cq_flags;
    unsigned cq_overflow;
    unsigned sq_mask;
    unsigned cq_mask;
    unsigned sq_size;
    unsigned cq_size;
    alignas(64) unsigned sq_tail;
    unsigned cq_head;
  };

  unsigned sq_entries_;
  unsigned cq_entries_;
  size_t bytes_;
  char* memory_;
  Heads* heads_;
  io_uring_sqe* sqes_;
  io_uring_cqe* cqes_;
  unsigned* array_;  // nullptr with IORING_SETUP_NO_SQARRAY
};

}  // namespace gatio::fakes
