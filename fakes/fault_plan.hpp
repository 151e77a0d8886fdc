// Which faults may strike in a run, and how often: each figure is "one in N", 0 is never. The
// choice itself is made by Choices with ChoiceKind::fault, so that a shrunk run has only the faults
// that it needs. A plain value.
#pragma once

#include <cstdint>

namespace gatio::fakes {

struct FaultPlan {
  uint32_t short_transfer = 0;   // a send or receive of fewer bytes than possible
  uint32_t operation_error = 0;  // an operation ends with an errno that it may return
  uint32_t no_buffers = 0;       // -ENOBUFS though the group has buffers
  uint32_t accept_limit = 0;     // accept ends with -EMFILE
  uint32_t enter_eintr = 0;      // ring_enter: -EINTR
  uint32_t enter_busy = 0;       // ring_enter: -EBUSY or -EAGAIN (rule U9)
  uint32_t setup_no_memory = 0;  // ring_setup: -ENOMEM
  uint32_t register_error = 0;   // ring_register: an errno that it may return
  uint32_t map_no_memory = 0;    // map: nullptr
  uint32_t socket_call = 0;      // socket, bind, listen, ...: an errno that they may return
  uint32_t reset = 0;            // a connection is reset on its way
  uint32_t drop_datagram = 0;
  uint32_t duplicate_datagram = 0;
  uint32_t reorder_datagram = 0;
  uint32_t cq_full = 0;      // a CQE finds no room in the CQ, however much there is
  uint32_t ring_stall = 0;   // ring_enter: from then on the ring delivers nothing; an outage
  uint32_t dead_thread = 0;  // between two turns: the thread takes none any more; an outage
};

// An outage lasts for one of so many times, each twice as long as the one before; but the last kind
// lasts until it is healed. Of each sort there is one at a time.
inline constexpr uint32_t kOutages = 8;
inline constexpr uint64_t kShortestOutageNs = 50'000;

}  // namespace gatio::fakes
