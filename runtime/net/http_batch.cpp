#include "runtime/net/http_batch.hpp"

#include <utility>

namespace gatio::http {
namespace {

std::string_view relocated(std::string_view view, const char* from, const char* to) {
  return {to + (view.data() - from), view.size()};
}

}  // namespace

Batch& Batch::operator=(Batch&& other) noexcept {
  GATIO_ASSERT(records_.get_allocator() == other.records_.get_allocator());
  records_ = std::move(other.records_);
  headers_ = std::move(other.headers_);
  storage_ = std::move(other.storage_);
  open_headers_ = other.open_headers_;
  other.clear();
  return *this;
}

void Batch::commit(RequestRecord record) {
  record.first_header = static_cast<uint32_t>(open_headers_);
  record.header_count = static_cast<uint32_t>(headers_.size() - open_headers_);
  records_.push_back(record);
  open_headers_ = headers_.size();
}

void Batch::relocate(RequestRecord& record, const char* from, const char* to) {
  record.raw = relocated(record.raw, from, to);
  record.method_name = relocated(record.method_name, from, to);
  record.target = relocated(record.target, from, to);
  record.body = relocated(record.body, from, to);
  for (uint32_t i = 0; i < record.header_count; ++i) {
    Header& header = headers_[record.first_header + i];
    header.name = relocated(header.name, from, to);
    header.value = relocated(header.value, from, to);
  }
}

void Batch::make_room(size_t bytes) {
  size_t needed = storage_.size() + bytes;
  if (needed <= storage_.capacity()) return;
  // The old storage lives until all views have moved over to the new one.
  Bytes old = std::exchange(storage_, Bytes(storage_.memory()));
  storage_.reserve(needed + old.size());
  storage_.append(old.view());
  for (RequestRecord& record : records_) {
    if (record.owned) relocate(record, old.data(), storage_.data());
  }
}

std::string_view Batch::store(std::string_view bytes) {
  make_room(bytes.size());
  size_t offset = storage_.size();
  storage_.append(bytes);
  return {storage_.data() + offset, bytes.size()};
}

void Batch::detach() {
  size_t bytes = 0;
  for (const RequestRecord& record : records_) bytes += record.owned ? 0 : record.raw.size();
  make_room(bytes);
  for (RequestRecord& record : records_) {
    if (record.owned) continue;
    std::string_view copy = store(record.raw);
    relocate(record, record.raw.data(), copy.data());
    record.owned = true;
  }
}

}  // namespace gatio::http
