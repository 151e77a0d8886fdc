#include "runtime/net/http_bytes.hpp"

#include <algorithm>

namespace gatio::http {
namespace {
constexpr size_t kFirstCapacity = 512;
}

void Bytes::reallocate(size_t capacity) {
  // Doubling keeps the cost of appending constant per byte.
  size_t larger = std::max({capacity, capacity_ * 2, kFirstCapacity});
  char* fresh = static_cast<char*>(memory_->allocate(larger, 1));
  if (size_ > 0) std::memcpy(fresh, data_, size_);
  if (data_ != nullptr) memory_->deallocate(data_, capacity_, 1);
  data_ = fresh;
  capacity_ = larger;
}

void Bytes::release() {
  if (data_ != nullptr) memory_->deallocate(data_, capacity_, 1);
  data_ = nullptr;
  size_ = capacity_ = 0;
}

}  // namespace gatio::http
