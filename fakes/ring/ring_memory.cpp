#include "fakes/ring/ring_memory.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {
namespace {

constexpr int kPoison = 0xDE;
constexpr size_t kAlignment = 64;

// Memory of rings that are gone, by size: a campaign opens the same few rings again and again.
class Spare {
 public:
  ~Spare() {
    for (auto& [bytes, blocks] : blocks_) {
      for (char* block : blocks) std::free(block);
    }
  }
  char* get(size_t bytes) {
    std::vector<char*>& blocks = blocks_[bytes];
    if (blocks.empty()) return static_cast<char*>(std::aligned_alloc(kAlignment, bytes));
    char* block = blocks.back();
    blocks.pop_back();
    return block;
  }
  void put(char* block, size_t bytes) { blocks_[bytes].push_back(block); }

 private:
  std::map<size_t, std::vector<char*>> blocks_;
};

Spare& spare() {
  static Spare blocks;
  return blocks;
}

}  // namespace

RingMemory::RingMemory(unsigned sq_entries, unsigned cq_entries, bool index_array)
    : sq_entries_(sq_entries), cq_entries_(cq_entries) {
  size_t sqes = sizeof(Heads);
  size_t cqes = sqes + sq_entries * sizeof(io_uring_sqe);
  size_t array = cqes + cq_entries * sizeof(io_uring_cqe);
  bytes_ = (array + sq_entries * sizeof(unsigned) + kAlignment - 1) / kAlignment * kAlignment;
  memory_ = spare().get(bytes_);
  GATIO_ASSERT(memory_ != nullptr);
  std::memset(memory_, 0, sqes);
  std::memset(memory_ + sqes, kPoison, cqes - sqes);
  heads_ = reinterpret_cast<Heads*>(memory_);
  sqes_ = reinterpret_cast<io_uring_sqe*>(memory_ + sqes);
  cqes_ = reinterpret_cast<io_uring_cqe*>(memory_ + cqes);
  array_ = index_array ? reinterpret_cast<unsigned*>(memory_ + array) : nullptr;
  if (index_array) {
    for (unsigned i = 0; i < sq_entries; ++i) array_[i] = i;
  }
  heads_->sq_mask = sq_entries - 1;
  heads_->cq_mask = cq_entries - 1;
  heads_->sq_size = sq_entries;
  heads_->cq_size = cq_entries;
}

RingMemory::~RingMemory() {
  spare().put(memory_, bytes_);
}

void RingMemory::describe(io_uring& ring) const {
  ring.sq.khead = &heads_->sq_head;
  ring.sq.ktail = &heads_->sq_tail;
  ring.sq.kring_mask = &heads_->sq_mask;
  ring.sq.kring_entries = &heads_->sq_size;
  ring.sq.kflags = &heads_->sq_flags;
  ring.sq.kdropped = &heads_->sq_dropped;
  // With NO_SQARRAY Linux says offset 0, and liburing makes of it the beginning of the ring.
  ring.sq.array = array_ != nullptr ? array_ : reinterpret_cast<unsigned*>(memory_);
  ring.sq.sqes = sqes_;
  ring.sq.sqe_head = ring.sq.sqe_tail = 0;
  ring.sq.ring_mask = heads_->sq_mask;
  ring.sq.ring_entries = sq_entries_;
  ring.cq.khead = &heads_->cq_head;
  ring.cq.ktail = &heads_->cq_tail;
  ring.cq.kring_mask = &heads_->cq_mask;
  ring.cq.kring_entries = &heads_->cq_size;
  ring.cq.kflags = &heads_->cq_flags;
  ring.cq.koverflow = &heads_->cq_overflow;
  ring.cq.cqes = cqes_;
  ring.cq.ring_mask = heads_->cq_mask;
  ring.cq.ring_entries = cq_entries_;
}

bool RingMemory::take(io_uring_sqe& sqe) {
  unsigned place = heads_->sq_head++ & heads_->sq_mask;
  if (array_ != nullptr) {
    place = array_[place];
    if (place >= sq_entries_) {
      ++heads_->sq_dropped;
      return false;
    }
  }
  sqe = sqes_[place];
  std::memset(static_cast<void*>(&sqes_[place]), kPoison, sizeof sqe);
  return true;
}

void RingMemory::post(const Cqe& cqe) {
  io_uring_cqe& place = cqes_[heads_->cq_tail & heads_->cq_mask];
  place.user_data = cqe.user_data;
  place.res = cqe.res;
  place.flags = cqe.flags;
  ++heads_->cq_tail;
}

}  // namespace gatio::fakes
