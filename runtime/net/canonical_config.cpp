#include "runtime/net/canonical_config.hpp"

#include <charconv>
#include <map>

#include "runtime/base/assert.hpp"

namespace gatio {
namespace {

// A listener's has about as many, and is not moved while it grows.
constexpr size_t kUsualBytes = 640;

}  // namespace

CanonicalConfig::CanonicalConfig(const std::vector<Field>& fields) {
  for (const auto& [field, value] : fields) add(field, value);
}

void CanonicalConfig::add(std::string_view field, std::string_view value) {
  GATIO_ASSERT(value.find('\n') == value.npos);
  append(field, value);
}

void CanonicalConfig::append(std::string_view field, std::string_view value) {
  if (bytes_.empty()) bytes_.reserve(kUsualBytes);
  bytes_ += field;
  bytes_ += '=';
  bytes_ += value;
  bytes_ += '\n';
}

void CanonicalConfig::add(std::string_view field, uint64_t value) {
  char text[20];
  char* end = std::to_chars(text, text + sizeof text, value).ptr;
  append(field, std::string_view(text, end));
}

std::vector<CanonicalConfig::Field> CanonicalConfig::fields() const {
  std::vector<Field> fields;
  for (size_t at = 0; at < bytes_.size();) {
    size_t equals = bytes_.find('=', at);
    size_t end = bytes_.find('\n', equals);
    fields.emplace_back(bytes_.substr(at, equals - at),
                        bytes_.substr(equals + 1, end - equals - 1));
    at = end + 1;
  }
  return fields;
}

uint64_t CanonicalConfig::hash() const {
  uint64_t hash = 0xcbf29ce484222325;
  for (char each : bytes_) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  return hash;
}

std::vector<Difference> differences(const CanonicalConfig& first, const CanonicalConfig& second) {
  if (first == second) return {};
  std::vector<CanonicalConfig::Field> other_fields = second.fields();
  std::map<std::string, std::string> theirs(other_fields.begin(), other_fields.end());
  std::vector<Difference> result;
  for (const auto& [field, value] : first.fields()) {
    auto other = theirs.find(field);
    std::string their = other == theirs.end() ? "absent" : other->second;
    if (value != their) result.push_back({field, value, their});
    if (other != theirs.end()) theirs.erase(other);
  }
  for (const auto& [field, value] : theirs) result.push_back({field, "absent", value});
  return result;
}

}  // namespace gatio
