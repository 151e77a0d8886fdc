// Receiving through a ring: rules U19 to U24, U29 to U31 and U33.
#include <cstring>

#include "fakes/ring/test_stream.hpp"

namespace gatio::fakes {
namespace {

TEST_F(FakeStream, AMultishotReceiveTakesBuffersInTheirOrderAndEndsAtTheEnd) {  // U19, U20, U29
  int server = connected();
  Buffers buffers(kernel, ring, 4, 8);
  for (unsigned id : {2u, 0u, 3u, 1u}) buffers.give(id);
  receive_many(server);
  send(client, "hello");
  ring.settle();
  send(client, "world");
  std::vector<Cqe> cqes = cqes_of(1);
  ASSERT_GE(cqes.size(), 2u);
  EXPECT_EQ(cqes[0].flags >> IORING_CQE_BUFFER_SHIFT, 2u);
  EXPECT_EQ(cqes[1].flags >> IORING_CQE_BUFFER_SHIFT, 0u);
  EXPECT_EQ(buffers.bytes.substr(16, static_cast<size_t>(cqes[0].res)), "hello");
  shut(client, SHUT_WR);
  cqes = cqes_of(1);
  ASSERT_EQ(cqes.size(), 1u);
  EXPECT_EQ(cqes[0].res, 0);
  EXPECT_EQ(cqes[0].flags, static_cast<uint32_t>(IORING_CQE_F_SOCK_NONEMPTY));
}

TEST_F(FakeStream, ABufferIsPickedBeforeTheSocketIsLookedAt) {  // U21
  int server = connected();
  receive_many(server);
  EXPECT_EQ(text(cqes_of(1)), "1:-105");  // No such group.
  Buffers buffers(kernel, ring, 4, 8);
  shut(client, SHUT_WR);
  receive_many(server);
  EXPECT_EQ(text(cqes_of(1)), "1:-105");  // The end is masked.
  buffers.give(0);
  receive_many(server);
  EXPECT_EQ(text(cqes_of(1)), "1:0");
}

TEST_F(FakeStream, WithoutBuffersTheBytesStay) {  // U19, U21
  int server = connected();
  Buffers buffers(kernel, ring, 2, 4);
  buffers.give_all();
  receive_many(server);
  send(client, "abcdefghij");
  EXPECT_EQ(text(cqes_of(1)), "1:4+ 1:4+ 1:-105");
  EXPECT_EQ(buffers.bytes, "abcdefgh");
  buffers.give(0);
  EXPECT_EQ(text(cqes_of(1)), "");
  receive_many(server);
  EXPECT_EQ(text(cqes_of(1)), "1:2+");
  EXPECT_EQ(buffers.bytes.substr(0, 2), "ij");
}

TEST_F(FakeStream, AMultishotReceiveHasItsLimits) {  // U22
  int server = connected();
  Buffers buffers(kernel, ring, 8, 4);
  buffers.give_all();
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv_multishot(sqe, server, nullptr, 0, 0); });
  EXPECT_EQ(text(cqes_of(1)), "1:-22");
  receive_many(server);
  ring.ring.sq.sqes[(ring.ring.sq.sqe_tail - 1) & ring.ring.sq.ring_mask].msg_flags = MSG_WAITALL;
  EXPECT_EQ(text(cqes_of(1)), "1:-22");
  receive_many(server, 1, 3);
  send(client, "abcdef");
  EXPECT_EQ(text(cqes_of(1)), "1:3+ 1:3+");
  ring.add(2, [](io_uring_sqe* sqe) { io_uring_prep_cancel64(sqe, 1, 0); });
  EXPECT_EQ(text(cqes_of(1)), "1:-125");
  receive_many(server);
  ring.ring.sq.sqes[(ring.ring.sq.sqe_tail - 1) & ring.ring.sq.ring_mask].file_index = 6;
  send(client, "0123456789");
  EXPECT_EQ(text(cqes_of(1)), "1:4+ 1:4");
}

TEST_F(FakeStream, AnIncrementalBufferIsUsedUpPieceByPiece) {  // U30
  int server = connected();
  Buffers buffers(kernel, ring, 2, 8, uapi::kBufferRingIncremental);
  buffers.give_all();
  receive_many(server);
  send(client, "abc");
  ring.settle();
  send(client, "defghij");
  std::vector<Cqe> cqes = cqes_of(1);
  EXPECT_EQ(text(cqes), "1:3+ 1:5+ 1:2+");
  EXPECT_EQ(cqes[0].flags >> 16, 0u);
  EXPECT_EQ(cqes[1].flags >> 16, 0u);
  EXPECT_EQ(cqes[2].flags >> 16, 1u);
  EXPECT_NE(cqes[0].flags & 16, 0u);
  EXPECT_EQ(cqes[1].flags & 16, 0u);
  EXPECT_EQ(buffers.bytes.substr(0, 10), "abcdefghij");
}

TEST_F(FakeStream, ABufferRingHasItsShapes) {  // U31
  for (auto [entries, error] : {std::pair{3u, -EINVAL}, {65536u, -EINVAL}, {32768u, 0}}) {
    TestRing other(kernel);
    uapi::BufferRingRegistration registration{.ring_addr = 4096, .ring_entries = entries};
    EXPECT_EQ(kernel.ring_register(other.ring, IORING_REGISTER_PBUF_RING, &registration, 1), error);
    registration.ring_entries = 4;
    if (error != 0) continue;
    EXPECT_EQ(kernel.ring_register(other.ring, IORING_REGISTER_PBUF_RING, &registration, 1),
              -EEXIST);
  }
  int server = connected();
  {
    Buffers buffers(kernel, ring, 4, 8);
    buffers.give_all();
    receive_many(server);
    ring.enter();
    io_uring_buf_reg registration{};
    registration.bgid = kGroup;
    EXPECT_EQ(kernel.ring_register(ring.ring, IORING_UNREGISTER_PBUF_RING, &registration, 1), 0);
  }
  send(client, "abc");
  EXPECT_EQ(text(cqes_of(1)), "1:-105");
}

TEST_F(FakeStream, AReceiveThatWaitsForAllIsShortOnlyAtTheEnd) {  // U33
  int server = connected();
  char bytes[8];
  ring.add(
      1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, bytes, 8, MSG_WAITALL); },
      IOSQE_IO_LINK);
  ring.nop(2);
  send(client, "abc");
  EXPECT_EQ(text(cqes_of(1)), "");
  shut(client, SHUT_WR);
  ring.settle();
  EXPECT_EQ(text({ring.seen.end() - 2, ring.seen.end()}), "1:3 2:-125");
}

// Found by the conformance runs: a read of nothing does not wait, a receive of nothing does.
TEST_F(FakeStream, AReadOfNothingDoesNotWait) {
  int server = connected();
  char byte;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_read(sqe, server, &byte, 0, 0); });
  ring.add(2, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, &byte, 0, 0); });
  ring.enter();
  EXPECT_EQ(text(ring.settle()), "1:0");
}

class FakeDatagrams : public FakeStream {
 protected:
  FakeDatagrams() {
    kernel.close(listener);
    server = kernel.socket(AF_INET, SOCK_DGRAM, 0);
    EXPECT_EQ(kernel.bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    sender = kernel.socket(AF_INET, SOCK_DGRAM, 0);
    ring.add(99, [&](io_uring_sqe* sqe) {
      io_uring_prep_connect(sqe, sender, reinterpret_cast<sockaddr*>(&address), sizeof address);
    });
    ring.settle();
    ring.seen.clear();
  }
  int server;
  int sender;
};

TEST_F(FakeDatagrams, OneRequestHasItsShareThenTheOthers) {  // U23
  Buffers buffers(kernel, ring, 128, 4);
  buffers.give_all();
  for (int i = 0; i < 40; ++i) send(sender, "abc");
  ring.settle();
  ring.seen.clear();
  receive_many(server);
  ring.enter();
  EXPECT_EQ(ring.ready(), 33u);
  EXPECT_TRUE(ring.flag(IORING_SQ_TASKRUN));
  EXPECT_EQ(cqes_of(1).size(), 40u);
}

TEST_F(FakeDatagrams, AnEmptyOneEndsAMultishotReceive) {  // U24
  Buffers buffers(kernel, ring, 8, 64);
  buffers.give_all();
  receive_many(server);
  send(sender, "abc");
  send(sender, "");
  EXPECT_EQ(text(cqes_of(1)), "1:3+ 1:0");
  msghdr header{};
  header.msg_namelen = sizeof(sockaddr_in);
  auto receive = [&](unsigned most) {
    ring.add(
        2,
        [&](io_uring_sqe* sqe) {
          io_uring_prep_recvmsg_multishot(sqe, server, &header, 0);
          sqe->buf_group = kGroup;
          sqe->len = most;
        },
        kBuffer);
  };
  receive(1);
  send(sender, "abcd");
  send(sender, "");
  std::vector<Cqe> cqes = cqes_of(2);
  ASSERT_EQ(text(cqes), "2:36+ 2:32");
  char* buffer = buffers.bytes.data() + 64 * (cqes[0].flags >> IORING_CQE_BUFFER_SHIFT);
  io_uring_recvmsg_out* out = io_uring_recvmsg_validate(buffer, 36, &header);
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->payloadlen, 4u);
  EXPECT_EQ(std::memcmp(io_uring_recvmsg_payload(out, &header), "abcd", 4), 0);
  header.msg_namelen = 100;  // More than a buffer has room for.
  receive(1);
  send(sender, "abcd");
  EXPECT_EQ(text(cqes_of(2)), "2:-14");
}

// An error that comes late was never seen: only the first attempt could fail.
TEST_F(FakeStream, AMultishotReceiveMayFailAfterItHasDelivered) {
  int server = connected();
  Buffers buffers(kernel, ring, 4, 8);
  buffers.give_all();
  receive_many(server);
  send(client, "a");
  EXPECT_EQ(text(cqes_of(1)), "1:1+");
  send(client, "bc");
  EXPECT_EQ(text(cqes_of_failing(1)), "1:-110");
  receive_many(server);
  EXPECT_EQ(text(cqes_of(1)), "1:2+");
}

TEST_F(FakeStream, AReceiveMayFailAfterItHasWaited) {
  int server = connected();
  char byte = 0;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, &byte, 1, 0); });
  send(client, "a");
  EXPECT_EQ(text(cqes_of_failing(1)), "1:-110");
}

}  // namespace
}  // namespace gatio::fakes
