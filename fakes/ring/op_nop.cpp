// NOP and MSG_RING.
#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {
namespace {

constexpr uint32_t kInjectResult = 1U << 0;  // IORING_NOP_INJECT_RESULT, Linux 6.10
constexpr uint32_t kByTaskWork = 1U << 4;    // IORING_NOP_TW, Linux 6.16
constexpr uint32_t kPassFlags = 1U << 1;     // IORING_MSG_RING_FLAGS_PASS, Linux 6.3

}  // namespace

int prepare_nop(FakeRing&, Request& request) {
  return (request.sqe.rw_flags & ~(kInjectResult | kByTaskWork)) != 0 ? -EINVAL : 0;
}

Step do_nop(FakeRing& ring, Request& request) {
  auto flags = static_cast<uint32_t>(request.sqe.rw_flags);
  request.result = (flags & kInjectResult) != 0 ? static_cast<int32_t>(request.sqe.len) : 0;
  if ((flags & kByTaskWork) == 0) return Step::done;
  ring.finish_later(request, request.result);
  return Step::pending;
}

int prepare_message(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.buf_index != 0) return -EINVAL;
  return (sqe.msg_ring_flags & ~(IORING_MSG_RING_CQE_SKIP | kPassFlags)) != 0 ? -EINVAL : 0;
}

// Rules U48 and U49: the message becomes task work of the other ring.
Step do_message(FakeRing& ring, Request& request) {
  ring.machine().charge(ring.machine().costs.message_ns);
  const io_uring_sqe& sqe = request.sqe;
  auto* target = dynamic_cast<FakeRing*>(request.file.get());
  bool passes_flags = (sqe.msg_ring_flags & kPassFlags) != 0;
  if (target == nullptr) {
    request.result = -EBADFD;
  } else if (sqe.addr == IORING_MSG_SEND_FD) {
    abort_unmodelled("IORING_MSG_SEND_FD");
  } else if (sqe.addr != IORING_MSG_DATA || sqe.addr3 != 0 ||
             (sqe.msg_ring_flags & ~kPassFlags) != 0 || (!passes_flags && sqe.file_index != 0)) {
    request.result = -EINVAL;
  } else if (target->disabled()) {
    request.result = -EBADFD;
  } else {
    target->receive_message(sqe.off, static_cast<int32_t>(sqe.len),
                            passes_flags ? sqe.file_index : 0);
  }
  return Step::done;
}

}  // namespace gatio::fakes
