// The SQEs that liburing 2.3 has no helper for, or a clumsy one, as one call each. The remaining
// operations are prepared by io_uring_prep_* directly. Used by the ring's driver only.
#pragma once

#include <cstdint>

#include "runtime/ring/ring.hpp"

namespace gatio {

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

// The same for datagrams with their sender: `header` gives the room for name and control in each
// buffer, and is read when the SQE is submitted.
inline void prepare_receive_message_multishot(Ring& ring, int fd, msghdr& header, uint16_t group,
                                              Completion& completion) {
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_recvmsg_multishot(sqe, fd, &header, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = group;
  complete_to(sqe, completion);
}

// Accepts connections, close-on-exec, until it ends.
inline void prepare_accept_multishot(Ring& ring, int listener_fd, Completion& completion) {
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_multishot_accept(sqe, listener_fd, nullptr, nullptr, SOCK_CLOEXEC);
  complete_to(sqe, completion);
}

// Reports the events of a descriptor, edge by edge, until it ends.
inline void prepare_poll_multishot(Ring& ring, int fd, unsigned events, Completion& completion) {
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_poll_multishot(sqe, fd, events);
  complete_to(sqe, completion);
}

// Asks the kernel to cancel the operation that completes to `target`, which ends by its own CQE in
// any case. Nobody is told how the cancellation itself went: it says nothing that the target's CQE
// does not.
inline void prepare_cancel(Ring& ring, Completion& target) {
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_cancel64(sqe, reinterpret_cast<uint64_t>(&target), 0);
}

}  // namespace gatio
