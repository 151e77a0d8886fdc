// Whole numbers that a user gives: all of the text must be one, or it is refused. The parser of the
// command line takes "-1" for 2^64 - 1. Pure; any thread.
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace gatio::harness {

template <typename Number>
bool read_whole_number(std::string_view text, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace gatio::harness
