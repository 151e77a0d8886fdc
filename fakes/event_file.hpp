// What eventfd(2) gives: a counter that a read takes whole. Owned by descriptor table and requests;
// the simulation's one thread only.
#pragma once

#include "fakes/file.hpp"

namespace gatio::fakes {

class EventFile final : public File {
 public:
  EventFile() { set_nonblocking(true); }

  [[nodiscard]] uint32_t poll() const override;
  int64_t read(std::span<char> to, int64_t offset) override;
  int64_t write(std::span<const char> from, int64_t offset) override;
  // -EAGAIN when the counter would overflow.
  int add_to_counter(uint64_t value);

 private:
  static constexpr uint64_t kMost = ~uint64_t{0} - 1;
  uint64_t counter_ = 0;
};

}  // namespace gatio::fakes
