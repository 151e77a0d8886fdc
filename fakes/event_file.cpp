#include "fakes/event_file.hpp"

#include <poll.h>

#include <cstring>

namespace gatio::fakes {

uint32_t EventFile::poll() const {
  return (counter_ > 0 ? POLLIN : 0U) | (counter_ < kMost ? POLLOUT : 0U);
}

int64_t EventFile::read(std::span<char> to, int64_t) {
  if (to.size() < sizeof counter_) return -EINVAL;
  if (counter_ == 0) return -EAGAIN;
  std::memcpy(to.data(), &counter_, sizeof counter_);
  counter_ = 0;
  notify(POLLOUT);
  return sizeof counter_;
}

int64_t EventFile::write(std::span<const char> from, int64_t) {
  uint64_t value = 0;
  if (from.size() < sizeof value) return -EINVAL;
  std::memcpy(&value, from.data(), sizeof value);
  int result = add_to_counter(value);
  return result < 0 ? result : static_cast<int64_t>(sizeof value);
}

int EventFile::add_to_counter(uint64_t value) {
  if (value > kMost) return -EINVAL;
  if (kMost - counter_ < value) return -EAGAIN;
  counter_ += value;
  notify(POLLIN);
  return 0;
}

}  // namespace gatio::fakes
