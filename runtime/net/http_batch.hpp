// All requests that were parsed from one receive, in their order: the unit that goes to a handler's
// driver. Headers lie in one flat array. Views point either into the caller's receive buffer (no
// copy) or, for what straddled receives, into the batch's own storage; detach() copies the former
// too, when the batch outlives that buffer. Filled by the Parser on the io driver, then owned by
// whoever runs the handlers; one thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/base/assert.hpp"
#include "runtime/net/http_bytes.hpp"
#include "runtime/net/http_request.hpp"

namespace gatio::http {

class Batch {
 public:
  explicit Batch(std::pmr::memory_resource* memory)
      : records_(memory), headers_(memory), storage_(memory) {}
  Batch(Batch&&) noexcept = default;  // views and Requests stay valid
  // Views stay valid here too, which takes the same memory resource on both sides.
  Batch& operator=(Batch&& other) noexcept;

  [[nodiscard]] size_t size() const { return records_.size(); }
  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] Request operator[](size_t index) const {
    GATIO_ASSERT(index < records_.size());
    const RequestRecord& record = records_[index];
    return {record, {headers_.data() + record.first_header, record.header_count}};
  }
  // Forgets the requests and keeps the memory.
  void clear() {
    records_.clear();
    headers_.clear();
    storage_.clear();
    // A large request must not keep its memory for as long as the connection idles.
    if (storage_.capacity() > kKeptBytes) storage_.release();
  }
  // Copies everything that still points into the caller's buffer into own storage. Requests that
  // were taken out before see the copies; string_views that were taken out do not.
  void detach();
  // Bytes of own storage in use: 0 when nothing was copied.
  [[nodiscard]] size_t stored_bytes() const { return storage_.size(); }

  // For the Parser: a request is opened, gets its headers, and is committed or rolled back.
  void open(size_t most_headers) {
    open_headers_ = headers_.size();
    size_t needed = headers_.size() + most_headers;
    if (needed > headers_.capacity()) headers_.reserve(std::max(needed, 2 * headers_.capacity()));
  }
  void add_header(Header header) { headers_.push_back(header); }
  [[nodiscard]] std::span<Header> opened_headers() {
    return std::span<Header>(headers_).subspan(open_headers_);
  }
  void commit(RequestRecord record);
  void roll_back() { headers_.resize(open_headers_); }
  // Copies `bytes` to own storage, where they stay until clear().
  std::string_view store(std::string_view bytes);

 private:
  static constexpr size_t kKeptBytes = 16 * 1024;

  void make_room(size_t bytes);
  void relocate(RequestRecord& record, const char* from, const char* to);

  std::pmr::vector<RequestRecord> records_;
  std::pmr::vector<Header> headers_;
  Bytes storage_;
  size_t open_headers_ = 0;
};

}  // namespace gatio::http
