// A configuration as text that two drivers can compare, and where two of them differ (rules R11,
// R15 and R17). Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatio {

// What every driver of a port must have the same of, as lines "field=value" in a fixed order. Two
// configurations are the same exactly when their bytes are.
class CanonicalConfig {
 public:
  using Field = std::pair<std::string, std::string>;

  CanonicalConfig() = default;
  explicit CanonicalConfig(const std::vector<Field>& fields);

  // `field` has neither a line break nor "=", `value` no line break.
  void add(std::string_view field, std::string_view value);
  void add(std::string_view field, uint64_t value);

  [[nodiscard]] std::vector<Field> fields() const;
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] uint64_t hash() const;  // FNV-1a of the bytes: to show and to log, not to decide
  bool operator==(const CanonicalConfig& other) const { return bytes_ == other.bytes_; }

 private:
  void append(std::string_view field, std::string_view value);

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
