// A mix says how many drivers of which kind each node gets: "1io+3exec", "2both", "1io+*exec" (`*`
// = all cores left), "2pair" (an io and an exec driver on the two PUs of one core), or per node, by
// the operating system's node numbers, "0:1io+3exec,1:4both". Plain values: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace gatio::config {

enum class Kind : uint8_t { io, exec, both, pair };

[[nodiscard]] std::string_view name(Kind kind);

struct MixPart {
  static constexpr unsigned kAllLeft =
      ~0u;             // written `*`: every core that the other parts leave, at least one
  unsigned cores = 1;  // each kind takes one core a piece, a pair too
  Kind kind = Kind::both;
  bool operator==(const MixPart&) const = default;
};

struct NodeMix {
  std::optional<unsigned> node;  // the operating system's number; absent: every node
  std::vector<MixPart> parts;    // in the order of the cores that they get
  bool operator==(const NodeMix&) const = default;
};

struct Mix {
  std::vector<NodeMix> nodes;  // either one without a number, or one for each numbered node
  bool operator==(const Mix&) const = default;
};

// Errors name the mix, the column and what was expected there.
Result<Mix> parse_mix(std::string_view text);

// The text that parse_mix turns into the same mix.
[[nodiscard]] std::string print(const Mix& mix);
[[nodiscard]] std::string print(const NodeMix& mix);

}  // namespace gatio::config
