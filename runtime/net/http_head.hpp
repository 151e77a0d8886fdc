// The rules that a request head must keep beyond the grammar that llhttp checks: whatever two
// servers might read differently is refused here. Pure functions over the head's text; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/net/http_request.hpp"

namespace gatio::http {

struct Limits {
  size_t header_bytes = 16 * 1024;  // the whole head; the trailers likewise
  size_t body_bytes = 1024 * 1024;  // without the framing of chunks
  size_t header_count = 100;        // headers, or trailers
  size_t target_bytes = 8 * 1024;
};

// What the head says about the rest of the request.
struct Framing {
  uint64_t content_length = 0;
  bool chunked = false;
  bool expect_continue = false;
};

// A token of RFC 9110: the alphabet of methods and header names. The empty string is none.
[[nodiscard]] bool is_token(std::string_view text);
[[nodiscard]] std::string_view without_trailing_space(std::string_view text);

// Each gives 0, or the status to refuse the request with.

// The request line (without CRLF) must be "METHOD TARGET HTTP/1.x" with single spaces. `record` has
// the target already and gets method and version.
[[nodiscard]] int check_request_line(std::string_view line, const Limits& limits,
                                     RequestRecord& record);
// `content_length` is the value that llhttp read, if there was such a header. Sets what `framing`
// holds and whether `record` is kept alive.
[[nodiscard]] int check_headers(std::span<const Header> headers, uint64_t content_length,
                                const Limits& limits, RequestRecord& record, Framing& framing);

}  // namespace gatio::http
