// Accepting, connecting and sending through a ring: rules U25 to U28, U32, U38, U39, U44 and U45.
#include <poll.h>

#include "fakes/ring/test_stream.hpp"

namespace gatio::fakes {
namespace {

TEST_F(FakeStream, AMultishotAcceptTakesAllAndLivesOn) {
  ring.add(1, [&](io_uring_sqe* sqe) {
    io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, 0);
  });
  for (uint64_t i = 0; i < 3; ++i) connecting(10 + i);
  ring.enter();
  pass(kMs);
  std::vector<Cqe> cqes = cqes_of(1);
  ASSERT_EQ(cqes.size(), 3u);
  for (const Cqe& cqe : cqes) {
    EXPECT_NE(cqe.flags & IORING_CQE_F_MORE, 0u);
    EXPECT_EQ(kernel.close(cqe.res), 0);
  }
}

TEST_F(FakeStream, ADirectAcceptIntoAFullTableLosesTheConnection) {  // U26
  int none = -1;
  kernel.ring_register(ring.ring, IORING_REGISTER_FILES, &none, 1);
  ring.add(1, [&](io_uring_sqe* sqe) {
    io_uring_prep_multishot_accept_direct(sqe, listener, nullptr, nullptr, 0);
  });
  connecting(10);
  int second = connecting(11);
  ring.enter();
  pass(kMs);
  EXPECT_EQ(text(cqes_of(1)), "1:0+ 1:-23");
  char byte = 0;
  ring.add(2, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, second, &byte, 1, 0); });
  ring.enter();
  pass(kMs);
  EXPECT_EQ(text(cqes_of(2)), "2:0");
}

TEST_F(FakeStream, AListenerThatIsShutDownEndsItsAccept) {  // U27
  ring.add(1, [&](io_uring_sqe* sqe) {
    io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, 0);
  });
  ring.enter();
  EXPECT_EQ(text(cqes_of(1)), "");
  shut(listener, SHUT_RDWR);
  EXPECT_EQ(text(cqes_of(1)), "1:-22");
}

TEST_F(FakeStream, AListenerThatIsClosedDoesNotEndItsAccept) {  // U27
  ring.add(1, [&](io_uring_sqe* sqe) {
    io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, 0);
  });
  ring.enter();
  kernel.close(listener);
  connecting(10);
  ring.enter();
  pass(kMs);
  std::vector<Cqe> cqes = cqes_of(1);
  ASSERT_EQ(cqes.size(), 1u);
  EXPECT_GE(cqes[0].res, FakeKernel::kFirstFd);
  ring.add(2, [](io_uring_sqe* sqe) { io_uring_prep_cancel64(sqe, 1, 0); });
  EXPECT_EQ(text(ring.settle()), "2:0 1:-125");
}

TEST_F(FakeStream, AShortSendKeepsItsChain) {  // U32
  connected();
  std::string big(16 << 20, 'x');
  ring.add(
      1, [&](io_uring_sqe* sqe) { io_uring_prep_send(sqe, client, big.data(), big.size(), 0); },
      IOSQE_IO_LINK);
  ring.nop(2);
  ring.settle();
  ASSERT_EQ(ring.seen.size(), 4u);
  EXPECT_GT(ring.seen[2].res, 0);
  EXPECT_LT(ring.seen[2].res, 16 << 20);
  EXPECT_EQ(ring.seen[3].res, 0);
}

TEST_F(FakeStream, ZeroCopyIsFollowedByANotification) {  // U38
  int server = connected();
  std::string bytes = "abc";
  auto send_zc = [&](uint64_t user_data, int fd, unsigned flags = 0) {
    ring.add(
        user_data,
        [&](io_uring_sqe* sqe) { io_uring_prep_send_zc(sqe, fd, bytes.data(), 3, 0, 0); }, flags);
  };
  send_zc(1, client);
  ring.enter();
  EXPECT_EQ(text(ring.reap()), "1:3+");
  ring.seen.clear();
  pass(kMs);
  EXPECT_EQ(text(cqes_of(1)), "1:0n");
  send_zc(2, -1);
  ring.enter();
  pass(kMs);
  EXPECT_EQ(text(cqes_of(2)), "2:-9+ 2:0n");
  // Cancelled before its issue it does not announce what comes all the same (U39).
  ring.add(
      3, [](io_uring_sqe* sqe) { io_uring_prep_poll_add(sqe, -1, POLLIN); }, IOSQE_IO_LINK);
  send_zc(4, server);
  ring.enter();
  ring.settle();
  pass(kMs);
  EXPECT_EQ(text(cqes_of(4)), "4:-125 4:0n");
  send_zc(5, server);
  ring.ring.sq.sqes[(ring.ring.sq.sqe_tail - 1) & ring.ring.sq.ring_mask].ioprio = 1U << 15;
  ring.enter();
  pass(kMs);
  EXPECT_EQ(text(cqes_of(5)), "5:-22+ 5:0n");
}

TEST_F(FakeStream, AClosedSocketSendsNoEndWhileARequestHoldsIt) {  // U44
  int server = connected();
  char at_server = 0;
  char at_client = 0;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, &at_server, 1, 0); });
  ring.add(2, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, client, &at_client, 1, 0); });
  ring.enter();
  kernel.close(server);
  pass(10 * kMs);
  EXPECT_EQ(text(ring.settle()), "");
  send(client, "x");
  pass(10 * kMs);
  ring.settle();
  EXPECT_EQ(at_server, 'x');
  pass(10 * kMs);
  EXPECT_EQ(text(cqes_of(2)), "2:0");
}

TEST_F(FakeStream, DontWaitDoesNotWait) {  // U45
  int server = connected();
  char byte;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, &byte, 1, MSG_DONTWAIT); });
  EXPECT_EQ(text(cqes_of(1)), "1:-11");
}

TEST_F(FakeStream, OfANonBlockingDescriptorAReceiveWaitsAllTheSame) {  // U45
  connecting(10);
  ring.add(11, [&](io_uring_sqe* sqe) {
    io_uring_prep_accept(sqe, listener, nullptr, nullptr, SOCK_NONBLOCK);
  });
  ring.enter();
  pass(kMs);
  std::vector<Cqe> accepted = cqes_of(11);
  ASSERT_EQ(accepted.size(), 1u);
  char byte;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, accepted[0].res, &byte, 1, 0); });
  EXPECT_EQ(text(cqes_of(1)), "");
  shut(accepted[0].res, SHUT_RD);
  EXPECT_EQ(text(cqes_of(1)), "1:0");
}

TEST_F(FakeStream, AfterShuttingAReceiveFindsTheEnd) {  // U45
  int server = connected();
  char byte;
  shut(server, SHUT_RD);
  ring.add(2, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, &byte, 1, 0); });
  EXPECT_EQ(text(cqes_of(2)), "2:0");
}

TEST_F(FakeStream, ARefusedConnectionIsAResult) {
  kernel.close(listener);
  connecting(1);
  ring.enter();
  pass(kMs);
  EXPECT_EQ(text(cqes_of(1)), "1:-111");
}

TEST_F(FakeStream, AMultishotAcceptMayFailAfterItHasDelivered) {
  auto accept = [&] {
    ring.add(1, [&](io_uring_sqe* sqe) {
      io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, 0);
    });
    ring.enter();
  };
  accept();
  connecting(10);
  ring.enter();
  pass(kMs);
  ASSERT_EQ(cqes_of(1).size(), 1u);
  connecting(11);
  ring.enter();
  pass(kMs);
  EXPECT_EQ(text(cqes_of_failing(1)), "1:-23");
  accept();
  EXPECT_EQ(cqes_of(1).size(), 1u) << "the connection is still there";
}

class FewDescriptors : public FakeStream {
 protected:
  FewDescriptors() : FakeStream({.open_files = 4}) {}
};

TEST_F(FewDescriptors, AnAcceptLeavesTheConnectionQueued) {  // U25
  int first = connecting(10);
  int spare = kernel.event_fd();  // The fourth, with listener and ring.
  auto accept = [&] {
    ring.add(1, [&](io_uring_sqe* sqe) {
      io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, 0);
    });
    ring.enter();
    pass(kMs);
  };
  accept();
  EXPECT_EQ(text(cqes_of(1)), "1:-24");
  kernel.close(spare);
  accept();
  std::vector<Cqe> cqes = cqes_of(1);
  // The connection was not lost, and then there is no descriptor again.
  ASSERT_EQ(cqes.size(), 2u);
  EXPECT_EQ(cqes[0].res, spare);
  EXPECT_EQ(cqes[1].res, -EMFILE);
  EXPECT_EQ(kernel.close(first), 0);
}

}  // namespace
}  // namespace gatio::fakes
