#include "runtime/net/canonical_config.hpp"

#include <map>

namespace gatio {

CanonicalConfig::CanonicalConfig(std::vector<Field> fields) : fields_(std::move(fields)) {
  size_t size = 0;
  for (const auto& [field, value] : fields_) size += field.size() + value.size() + 2;
  bytes_.reserve(size);
  for (const auto& [field, value] : fields_) {
    bytes_ += field;
    bytes_ += '=';
    bytes_ += value;
    bytes_ += '\n';
  }
}

uint64_t CanonicalConfig::hash() const {
  uint64_t hash = 0xcbf29ce484222325;
  for (char each : bytes_) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  return hash;
}

std::vector<Difference> differences(const CanonicalConfig& first, const CanonicalConfig& second) {
  if (first == second) return {};
  std::map<std::string, std::string> theirs(second.fields().begin(), second.fields().end());
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
