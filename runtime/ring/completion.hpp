// What an SQE's user_data points at: the one whom its CQEs are handed to. Embedded in an operation,
// which must outlive its last CQE; owned and touched by the ring's driver only.
#pragma once

#include <cstdint>

namespace gatio {

struct Completion {
  // Called once for each CQE with its result and flags; IORING_CQE_F_MORE says that more will
  // follow. It must not throw, not reap and not resume a task: it notes what happened and queues
  // whoever waits.
  void (*complete)(Completion* self, int32_t result, uint32_t flags) = nullptr;
};

// The values of user_data that are no address.
inline constexpr uint64_t kNobodyUserData = 0;  // nobody cares for this CQE
inline constexpr uint64_t kWakeUserData = 1;    // a wake-up: it has done its work by being there

}  // namespace gatio
