// What tests of rings share: a real ring or the reason why there is none, and the features that CI
// switched off. For *_test.cpp only.
#pragma once

#include <cstdlib>
#include <iostream>

#include "runtime/kernel/linux_kernel.hpp"
#include "runtime/ring/ring.hpp"

namespace gatio {

// The features named by the environment variable GATIO_WITHOUT (a list, or "all"), not to be used
// in tests.
inline Features test_features() {
  const char* list = std::getenv("GATIO_WITHOUT");
  Result<Features> without = parse_features(list == nullptr ? "" : list);
  if (without) return *without;
  std::cerr << "GATIO_WITHOUT: " << without.error().message() << '\n';
  std::exit(2);
}

inline RingOptions test_options(unsigned sq_entries = 64, unsigned cq_entries = 256) {
  return {.sq_entries = sq_entries, .cq_entries = cq_entries, .without = test_features()};
}

// Hands the CQEs of a prepared SQE to `completion`.
inline void complete_to(io_uring_sqe* sqe, Completion& completion) {
  sqe->user_data = reinterpret_cast<uint64_t>(&completion);
}

// Receives into buffers of the group until it ends by a CQE without IORING_CQE_F_MORE.
inline void prepare_receive_multishot(Ring& ring, int fd, uint16_t group, Completion& completion) {
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
  complete_to(sqe, completion);
}

// Reports the events of a descriptor, edge by edge, until it ends.
inline void prepare_poll_multishot(Ring& ring, int fd, unsigned events, Completion& completion) {
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_poll_multishot(sqe, fd, events);
  complete_to(sqe, completion);
}

// Counts what it is handed and keeps the last of it.
struct CountingCompletion : Completion {
  unsigned count = 0;
  int32_t result = 0;
  uint32_t flags = 0;

  CountingCompletion() {
    complete = [](Completion* self, int32_t result, uint32_t flags) {
      auto* counting = static_cast<CountingCompletion*>(self);
      ++counting->count;
      counting->result = result;
      counting->flags = flags;
    };
  }
};

}  // namespace gatio

// Opens `ring` on `kernel`, or skips the test with the reason where this machine allows no ring at
// all.
#define GATIO_OPEN_RING(ring, kernel, options)                                      \
  do {                                                                              \
    ::gatio::Result<void> opened = (ring).open((kernel), (options));                \
    if (!opened && (opened.error().code == EPERM || opened.error().code == ENOSYS)) \
      GTEST_SKIP() << opened.error().message();                                     \
    ASSERT_TRUE(opened) << opened.error().message();                                \
  } while (false)
