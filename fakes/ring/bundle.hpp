// Several provided buffers for one operation (IORING_RECVSEND_BUNDLE, Linux 6.10): which of a group
// one pass may use, as Linux 6.18 chooses them. The simulation's one thread only.
#pragma once

#include <span>

#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {

struct Bundle {
  std::span<const iovec> parts;
  BufferGroup* group = nullptr;

  // Takes the buffers that so many bytes fill: the flags of the CQE.
  uint32_t take(size_t bytes) const;
};

// Room for at most `most` bytes (0: any), the last buffer of the group noted in the request. 0,
// -ENOBUFS, or -ENOENT where there is no such group. Valid until the next call.
int look_for_room(FakeRing& ring, Request& request, size_t most, Bundle& bundle);
// The bytes that a send takes from provided buffers, one or a bundle: they are taken at once, and
// become the request's own parts. 0 or the error.
int select_to_send(FakeRing& ring, Request& request);

}  // namespace gatio::fakes
