#include "fakes/network/chunk.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {
namespace {

constexpr uint32_t kWorthMerging = 512;

}  // namespace

ChunkPool::~ChunkPool() {
  for (Chunk* chunk : free_) {
    while (chunk != nullptr) {
      Chunk* next = chunk->next;
      ::operator delete(chunk);
      chunk = next;
    }
  }
}

Chunk* ChunkPool::get(size_t bytes, Sign sign) {
  size_t size_class = 0;
  while (size_class + 1 < kSizes.size() && kSizes[size_class] - sizeof(Chunk) < bytes) ++size_class;
  Chunk* chunk = free_[size_class];
  if (chunk != nullptr) {
    free_[size_class] = chunk->next;
  } else {
    chunk = static_cast<Chunk*>(::operator new(kSizes[size_class]));
  }
  uint32_t capacity = kSizes[size_class] - static_cast<uint32_t>(sizeof(Chunk));
  return new (chunk) Chunk{.capacity = capacity, .sign = sign};
}

void ChunkPool::put(Chunk* chunk) {
  size_t size_class = 0;
  while (kSizes[size_class] - sizeof(Chunk) != chunk->capacity) ++size_class;
  chunk->next = free_[size_class];
  free_[size_class] = chunk;
}

void ChunkQueue::push(Chunk* chunk) {
  chunk->next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = chunk;
  last_ = chunk;
  bytes_ += chunk->size();
}

void ChunkQueue::merge(Chunk* chunk) {
  if (last_ == nullptr || chunk->size() > kWorthMerging || last_->room() < chunk->size()) {
    push(chunk);
    return;
  }
  std::memcpy(last_->bytes() + last_->end, chunk->bytes() + chunk->begin, chunk->size());
  last_->end += chunk->size();
  bytes_ += chunk->size();
  pool_.put(chunk);
}

Chunk* ChunkQueue::pop() {
  Chunk* chunk = first_;
  first_ = chunk->next;
  if (first_ == nullptr) last_ = nullptr;
  bytes_ -= chunk->size();
  return chunk;
}

Chunk* ChunkQueue::pop(size_t most) {
  GATIO_ASSERT(most > 0);
  if (first_->size() <= most) return pop();
  Chunk* part = pool_.get(most);
  part->end = static_cast<uint32_t>(std::min<size_t>(most, part->capacity));
  std::memcpy(part->bytes(), first_->bytes() + first_->begin, part->size());
  first_->begin += part->size();
  bytes_ -= part->size();
  return part;
}

void ChunkQueue::copy_in(std::span<const iovec> from, size_t count) {
  for (const iovec& piece : from) {
    const char* at = static_cast<const char*>(piece.iov_base);
    size_t left = std::min(piece.iov_len, count);
    count -= left;
    while (left > 0) {
      if (last_ == nullptr || last_->room() == 0) push(pool_.get(left + count));
      size_t step = std::min<size_t>(left, last_->room());
      std::memcpy(last_->bytes() + last_->end, at, step);
      last_->end += static_cast<uint32_t>(step);
      bytes_ += step;
      at += step;
      left -= step;
    }
  }
}

size_t ChunkQueue::copy_out(std::span<const iovec> to, bool peek) {
  size_t copied = 0;
  Chunk* chunk = first_;
  uint32_t begin = chunk == nullptr ? 0 : chunk->begin;
  for (const iovec& piece : to) {
    char* at = static_cast<char*>(piece.iov_base);
    size_t room = piece.iov_len;
    while (room > 0 && chunk != nullptr) {
      size_t step = std::min<size_t>(room, chunk->end - begin);
      std::memcpy(at, chunk->bytes() + begin, step);
      at += step;
      room -= step;
      copied += step;
      begin += static_cast<uint32_t>(step);
      if (!peek) {
        chunk->begin = begin;
        bytes_ -= step;
      }
      if (begin < chunk->end) continue;
      Chunk* done = chunk;
      chunk = chunk->next;
      begin = chunk == nullptr ? 0 : chunk->begin;
      if (!peek) {
        first_ = chunk;
        if (chunk == nullptr) last_ = nullptr;
        pool_.put(done);
      }
    }
  }
  return copied;
}

void ChunkQueue::clear() {
  while (first_ != nullptr) pool_.put(pop());
}

}  // namespace gatio::fakes
