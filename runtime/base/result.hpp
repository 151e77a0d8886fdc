// Errors as values. `Error` is an errno with an optional sentence that says what, where and what to
// do; `Result<T>` is either a value or an Error and must be looked at. Plain values: any thread.
#pragma once

#include <string.h>  // strerrordesc_np

#include <expected>
#include <string>
#include <utility>

namespace gatio {

struct Error {
  int code = 0;      // a positive errno; 0 where no errno fits (a bad configuration, say)
  std::string text;  // one sentence for the user; empty on hot paths, where the errno says all

  // The sentence, or the errno's name where there is none.
  [[nodiscard]] std::string message() const {
    return text.empty() ? std::string(strerrordesc_np(code)) : text;
  }
  // For results: two errors are the same when their errno is; the sentence is for people.
  friend bool operator==(const Error& a, const Error& b) { return a.code == b.code; }
};

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
  Result(std::unexpected<Error>&& error) : Base(std::unexpect, std::move(error).error()) {}
  Result(Error error) : Base(std::unexpect, std::move(error)) {}
};

// `return fail(errno_code)` or `return fail(errno_code, "sentence")` from a function that returns
// Result.
[[nodiscard]] inline std::unexpected<Error> fail(int code, std::string text = {}) {
  return std::unexpected<Error>(Error{code, std::move(text)});
}

}  // namespace gatio
