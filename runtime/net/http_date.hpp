// The text of the Date header ("Sun, 06 Nov 1994 08:49:37 GMT"), formatted once a second. Owned by
// a driver; one thread at a time. The views it returns hold until the next call.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

namespace gatio::http {

class DateCache {
 public:
  static constexpr size_t kSize = 29;

  // `wall_seconds` since 1970 UTC, as Kernel::wall_seconds gives them; years 0 to 9999.
  std::string_view at(int64_t wall_seconds) {
    if (wall_seconds != seconds_) [[unlikely]]
      format(wall_seconds);
    return text();
  }
  // The same as the last at() gave.
  [[nodiscard]] std::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  void format(int64_t wall_seconds);

  int64_t seconds_ = std::numeric_limits<int64_t>::min();
  std::array<char, kSize> text_{};
};

}  // namespace gatio::http
