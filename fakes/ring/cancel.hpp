// How requests are found and cancelled, for ASYNC_CANCEL and link timeouts. The
// simulation's one thread only.
#pragma once

#include <cstdint>

#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {

// IORING_ASYNC_CANCEL_*, also those that are newer than liburing 2.3.
inline constexpr uint32_t kCancelUserData = 1U << 4;
inline constexpr uint32_t kCancelOpcode = 1U << 5;

struct CancelKey {
  uint32_t flags = 0;
  uint64_t user_data = 0;
  uint8_t opcode = 0;
  FilePtr file;  // with IORING_ASYNC_CANCEL_FD
};

// 0 when it will end with -ECANCELED, -ENOENT when it is beyond that, -EALREADY when it cannot be
// stopped any more.
int cancel_one(FakeRing& ring, Request& request);
// The result of a cancellation (rule U40).
int cancel(FakeRing& ring, const CancelKey& key);

}  // namespace gatio::fakes
