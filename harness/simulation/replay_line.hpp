// The one line that brings a simulated run back: version, revision of the source, case, whether
// drivers are preempted, and either the seed or the choices themselves. A plain value; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace gatio::harness {

struct ReplayLine {
  std::string revision;
  std::string case_name;
  bool preempt = true;
  std::optional<uint64_t> seed;  // or else:
  std::vector<uint32_t> choices;
};

// "v1:3f2a91c:serve:preempt:seed=12", "v1:3f2a91c:tasks:turns:choices=3.0x5.1": no spaces, so that
// it needs no quotes. `VxN` stands for N times V.
std::string print(const ReplayLine& line);
// EINVAL with a sentence that says what is wrong and where.
Result<ReplayLine> parse_replay_line(const std::string& text);

}  // namespace gatio::harness
