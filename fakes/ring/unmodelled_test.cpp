// What Linux knows and the fake does not ends the program by name: a result that the fake makes up
// would be believed. And times that no clock can count.
#include "fakes/ring/test_stream.hpp"

namespace gatio::fakes {
namespace {

using UnmodelledDeathTest = FakeStream;

TEST_F(UnmodelledDeathTest, AnOpcode) {
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_rename(sqe, "a", "b"); });
  EXPECT_DEATH(ring.enter(), "does not model IORING_OP_RENAMEAT");
}

TEST_F(UnmodelledDeathTest, ACancelThatWaits) {
  io_uring_sync_cancel_reg cancel{};
  EXPECT_DEATH(kernel.ring_register(ring.ring, IORING_REGISTER_SYNC_CANCEL, &cancel, 1),
               "does not model IORING_REGISTER_SYNC_CANCEL");
}

TEST_F(UnmodelledDeathTest, AncillaryDataThatIsSent) {
  char control[64] = {};
  msghdr header{};
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_sendmsg(sqe, listener, &header, 0); });
  EXPECT_DEATH(ring.enter(), "does not model ancillary data");
}

TEST_F(UnmodelledDeathTest, FlagsOfASend) {
  for (int flag : {MSG_OOB, MSG_FASTOPEN, MSG_MORE}) {
    ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_send(sqe, listener, nullptr, 0, flag); });
    EXPECT_DEATH(ring.enter(), "does not model such msg_flags of a send") << flag;
  }
}

TEST_F(UnmodelledDeathTest, FlagsOfAReceive) {
  for (int flag : {MSG_OOB, MSG_ERRQUEUE}) {
    ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, listener, nullptr, 0, flag); });
    EXPECT_DEATH(ring.enter(), "does not model such msg_flags of a receive") << flag;
  }
}

TEST_F(UnmodelledDeathTest, BytesOfAStreamThatAreThrownAway) {
  int server = connected();
  char byte = 0;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, &byte, 1, MSG_TRUNC); });
  EXPECT_DEATH(ring.enter(), "does not model MSG_TRUNC of a stream");
}

TEST_F(UnmodelledDeathTest, AbsoluteTimesOfOtherClocks) {
  __kernel_timespec time{.tv_sec = 1, .tv_nsec = 0};
  for (unsigned clock : {IORING_TIMEOUT_REALTIME, IORING_TIMEOUT_BOOTTIME}) {
    ring.add(1, [&](io_uring_sqe* sqe) {
      io_uring_prep_timeout(sqe, &time, 0, clock | IORING_TIMEOUT_ABS);
    });
    EXPECT_DEATH(ring.enter(), "does not model absolute times") << clock;
  }
}

TEST_F(FakeStream, ATimeThatNoClockCanCountIsForEver) {
  __kernel_timespec time{.tv_sec = INT64_MAX / 2, .tv_nsec = 0};
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_timeout(sqe, &time, 0, 0); });
  ring.enter();
  pass(1000 * kMs);
  EXPECT_EQ(text(ring.settle()), "");
  ring.add(2, [](io_uring_sqe* sqe) { io_uring_prep_timeout_remove(sqe, 1, 0); });
  EXPECT_EQ(text(cqes_of(2)), "2:0");
}

TEST_F(FakeStream, AWaitThatNoClockCanCountEndsWithItsCqe) {
  __kernel_timespec second{.tv_sec = 1, .tv_nsec = 0};
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_timeout(sqe, &second, 0, 0); });
  __kernel_timespec ages{.tv_sec = INT64_MAX / 2, .tv_nsec = 0};
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<uint64_t>(&ages);
  ring.enter();
  EXPECT_EQ(kernel.ring_enter(ring.ring, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                              &argument, sizeof argument),
            0);
  EXPECT_EQ(text(ring.reap()), "1:-62");
}

// Where the tail is that of somebody else's ring, or nobody's.
TEST_F(FakeStream, ATailThatIsTooFarAheadSubmitsNoMoreThanThereIs) {
  TestRing small(kernel, 4, 8);
  for (uint64_t id = 1; id <= 4; ++id) small.nop(id);
  *small.ring.sq.ktail = 4 + 100;
  EXPECT_EQ(small.enter_with(104, 0), 4);
  EXPECT_EQ(text(small.reap()), "1:0 2:0 3:0 4:0");
}

}  // namespace
}  // namespace gatio::fakes
