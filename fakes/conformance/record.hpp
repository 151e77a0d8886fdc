// What was observed while an operation program ran on a kernel, normalised so that two kernels can
// be compared: no descriptors, addresses or times. A value; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gatio::fakes::conformance {

// The result of an operation that made a descriptor.
inline constexpr int32_t kDescriptor = 1'000'000;

struct Seen {
  uint32_t id = 0;
  int32_t result = 0;
  uint32_t flags = 0;
  uint64_t data = 0;  // hash of the bytes received, 0 for none

  bool operator==(const Seen&) const = default;
  auto operator<=>(const Seen&) const = default;
};

enum class Moment : uint8_t {
  submitted,  // right after the enter that submitted, without GETEVENTS
  settled,    // when all that the step caused has happened, still without GETEVENTS
  fetched,    // with GETEVENTS
};

// One look at one ring.
struct Look {
  Moment moment = Moment::settled;
  uint8_t ring = 0;
  int returned = 0;           // by the enter
  uint32_t kernel_flags = 0;  // IORING_SQ_CQ_OVERFLOW, IORING_SQ_TASKRUN
  std::vector<Seen> seen;     // CQEs that were not in the CQ at the look before

  bool operator==(const Look&) const = default;
};

// Of one step.
struct Observation {
  int result = 0;     // of a peer's action or a door
  uint64_t data = 0;  // hash of the bytes that the peer received
  std::vector<Look> looks;

  bool operator==(const Observation&) const = default;
};

using Record = std::vector<Observation>;

std::string to_text(const Seen& seen);
std::string to_text(const Look& look);
// Without looks at which there was nothing.
std::string to_text(const Observation& observation);

}  // namespace gatio::fakes::conformance
