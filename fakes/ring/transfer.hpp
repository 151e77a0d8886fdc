// What operations that move bytes share: whose memory it is, provided buffers, faults that make a
// transfer short. The simulation's one thread only.
#pragma once

#include <cstddef>
#include <span>

#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {

// Where the bytes of one attempt come from or go to.
struct Selection {
  std::span<const iovec> parts;
  BufferGroup* group = nullptr;  // with IOSQE_BUFFER_SELECT
  iovec buffer{};

  // Takes the provided buffer, if there is one: the flags of the CQE.
  uint32_t take(size_t bytes) const { return group == nullptr ? 0 : group->take(bytes); }
};

// The request's own memory behind what was transferred already, or a provided buffer of at most
// `sqe.len` bytes (0: all of it), and of what it had when nothing came (as on Linux 6.18): -ENOBUFS
// where there is none (rule U21). Valid until the next call.
int select(FakeRing& ring, Request& request, Selection& selection);
// The request's own memory behind what was transferred already; valid until the next call.
std::span<const iovec> rest_of(const Request& request);
// Fewer bytes than these if the plan of faults says so; valid until the next call.
std::span<const iovec> shorten(FakeRing& ring, std::span<const iovec> parts);

}  // namespace gatio::fakes
