// One parsed HTTP request as a handler sees it: a small value that points into the Batch it came
// from. Nothing is copied; every view is valid until the handler ends, since the batch outlives it
// and is neither cleared nor fed meanwhile. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace gatio::http {

struct Header {
  std::string_view name;   // as sent; compare without regard to case
  std::string_view value;  // without the white space around it
};

enum class Method : uint8_t { Get, Head, Post, Put, Delete, Options, Patch, Trace, Other };

// True when both are equal but for the case of ASCII letters.
[[nodiscard]] bool same_ignoring_case(std::string_view a, std::string_view b);

// What the batch keeps per request. The views point to `raw`, which is either the caller's receive
// buffer or the batch's own storage.
struct RequestRecord {
  std::string_view raw;  // head and body; contiguous
  std::string_view method_name;
  std::string_view target;
  std::string_view body;
  uint32_t first_header = 0;  // in the header array of the batch
  uint32_t header_count = 0;
  Method method = Method::Get;
  uint8_t version_minor = 1;  // of HTTP/1.x
  bool keep_alive = true;
  bool owned = false;  // `raw` lies in the batch's own storage
};

class Request {
 public:
  Request(const RequestRecord& record, std::span<const Header> headers)
      : record_(&record), headers_(headers) {}

  [[nodiscard]] Method method() const { return record_->method; }
  [[nodiscard]] std::string_view method_name() const { return record_->method_name; }
  // As sent: "/a?b", "*" or "http://host/a?b".
  [[nodiscard]] std::string_view target() const { return record_->target; }
  // The target without scheme, authority and query; "/" where it has no path.
  [[nodiscard]] std::string_view path() const;
  // What follows the first '?' of the target; empty when there is none.
  [[nodiscard]] std::string_view query() const;
  [[nodiscard]] std::span<const Header> headers() const { return headers_; }
  // The value of the first header of this name, whatever its case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] std::string_view body() const { return record_->body; }
  [[nodiscard]] int version_minor() const { return record_->version_minor; }
  // False when the connection is to be closed after the answer.
  [[nodiscard]] bool keep_alive() const { return record_->keep_alive; }

 private:
  const RequestRecord* record_;
  std::span<const Header> headers_;
};

}  // namespace gatio::http
