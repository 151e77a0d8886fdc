// A configuration as text that two drivers can compare, and where two of them differ (rules R11,
// R15 and R17). Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gatio {

// What every driver of a port must have the same of, as pairs (field, value) in a fixed order. Two
// configurations are the same exactly when their bytes are.
class CanonicalConfig {
 public:
  using Field = std::pair<std::string, std::string>;

  CanonicalConfig() = default;
  explicit CanonicalConfig(std::vector<Field> fields);

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] uint64_t hash() const;  // FNV-1a of the bytes: to show and to log, not to decide
  bool operator==(const CanonicalConfig& other) const { return bytes_ == other.bytes_; }

 private:
  std::vector<Field> fields_;
  std::string bytes_;
};

struct Difference {
  std::string field;
  std::string first;  // the value at the first driver
  std::string second;
  bool operator==(const Difference&) const = default;
};

// Two configurations of one port, field by field.
[[nodiscard]] std::vector<Difference> differences(const CanonicalConfig& first,
                                                  const CanonicalConfig& second);

}  // namespace gatio
