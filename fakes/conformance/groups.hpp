// The provided buffers of one ring of a program: which are used, where in a buffer the next bytes
// come (incremental groups), and giving them back in the order in which they were used. Owned by a
// Runner; its one thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "fakes/conformance/plain_ring.hpp"
#include "fakes/conformance/program.hpp"

namespace gatio::fakes::conformance {

class Groups {
 public:
  explicit Groups(Kernel& kernel) : kernel_(kernel) {}
  ~Groups();
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;

  // 0 or -errno.
  int set_up(PlainRing& ring, const std::vector<Group>& groups);
  // The bytes that a CQE of a request on `group` delivered, or sent; marks their buffers as used:
  // the one that the CQE names, and of a bundle as many of the following as they filled.
  std::vector<char> take(uint16_t group, uint32_t cqe_flags, int32_t result, bool bundle);
  // Gives back `count` used buffers; how many it were.
  int refill(uint16_t group, uint32_t count);
  int drop(PlainRing& ring, uint16_t group);

 private:
  struct Live {
    Group shape;
    size_t bytes = 0;
    io_uring_buf_ring* entries = nullptr;
    char* data = nullptr;
    uint16_t tail = 0;
    std::deque<uint16_t> given;  // and not known to be used, in the order of the ring
    std::deque<uint16_t> used;
    std::vector<uint32_t> offsets;
  };
  static void add(Live& group, uint16_t id);

  Kernel& kernel_;
  std::vector<std::unique_ptr<Live>> groups_;
};

}  // namespace gatio::fakes::conformance
