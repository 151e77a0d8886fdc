#include "runtime/net/http_request.hpp"

namespace gatio::http {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// The target from its path on: an absolute-form target loses its scheme and authority.
std::string_view origin_form(std::string_view target) {
  if (target.starts_with('/') || target == "*") return target;
  size_t authority = target.find("://");
  if (authority == std::string_view::npos) return target;
  size_t end = target.find_first_of("/?", authority + 3);
  return end == std::string_view::npos ? std::string_view() : target.substr(end);
}

}  // namespace

bool same_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view Request::path() const {
  std::string_view origin = origin_form(record_->target);
  std::string_view path = origin.substr(0, origin.find('?'));
  return path.empty() ? std::string_view("/") : path;
}

std::string_view Request::query() const {
  size_t mark = record_->target.find('?');
  return mark == std::string_view::npos ? std::string_view() : record_->target.substr(mark + 1);
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const Header& each : headers_) {
    if (same_ignoring_case(each.name, name)) return each.value;
  }
  return std::nullopt;
}

}  // namespace gatio::http
