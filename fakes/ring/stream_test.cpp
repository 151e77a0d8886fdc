// Sockets through a ring: rules U19 to U33, U38, U39, U44 and U45, on the simulated network.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <cstring>
#include <deque>

#include "fakes/ring/test_support.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr unsigned kBuffer = IOSQE_BUFFER_SELECT;
constexpr uint16_t kGroup = 3;

// A buffer ring of the user's: `count` buffers of `size` bytes, all given.
class Buffers {
 public:
  Buffers(FakeKernel& kernel, TestRing& ring, unsigned count, unsigned size, uint16_t flags = 0)
      : kernel_(kernel), bytes(count * size, '\0'), mask_(count - 1), size_(size) {
    ring_ = static_cast<io_uring_buf_ring*>(kernel.map(4096 * 16, 4096, -1));
    uapi::BufferRingRegistration registration{.ring_addr = reinterpret_cast<uint64_t>(ring_),
                                              .ring_entries = count,
                                              .bgid = kGroup,
                                              .flags = flags};
    result = kernel.ring_register(ring.ring, IORING_REGISTER_PBUF_RING, &registration, 1);
  }
  ~Buffers() { kernel_.unmap(ring_, 4096 * 16); }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  void give(unsigned id) {
    io_uring_buf& entry = ring_->bufs[tail_++ & mask_];
    entry.addr = reinterpret_cast<uint64_t>(bytes.data() + id * size_);
    entry.len = size_;
    entry.bid = static_cast<uint16_t>(id);
    ring_->tail = tail_;
  }
  void give_all() {
    for (unsigned id = 0; id <= mask_; ++id) give(id);
  }

  int result = 0;

 private:
  FakeKernel& kernel_;

 public:
  std::string bytes;

 private:
  io_uring_buf_ring* ring_;
  uint16_t tail_ = 0;
  unsigned mask_;
  unsigned size_;
};

class FakeStream : public RingTest {
 protected:
  explicit FakeStream(const FakeKernelOptions& options = {}) : RingTest(options), ring(kernel) {
    listener = kernel.socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(kernel.bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(kernel.listen(listener, 64), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(kernel.getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  }

  // A new client socket whose connection is under way.
  int connecting(uint64_t user_data) {
    int fd = kernel.socket(AF_INET, SOCK_STREAM, 0);
    ring.add(user_data, [&](io_uring_sqe* sqe) {
      io_uring_prep_connect(sqe, fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    });
    return fd;
  }
  // A connection; `client` is its other end.
  int connected() {
    client = connecting(100);
    ring.add(101,
             [&](io_uring_sqe* sqe) { io_uring_prep_accept(sqe, listener, nullptr, nullptr, 0); });
    ring.wait(2);
    int server = -1;
    int connect_result = -1;
    for (const Cqe& cqe : ring.reap()) {
      if (cqe.user_data == 101) server = cqe.res;
      if (cqe.user_data == 100) connect_result = cqe.res;
    }
    EXPECT_EQ(connect_result, 0);
    EXPECT_GE(server, FakeKernel::kFirstFd);
    return server;
  }
  void send(int fd, const std::string& bytes, uint64_t user_data = 200, int flags = 0) {
    sent.push_back(bytes);
    ring.add(user_data, [&](io_uring_sqe* sqe) {
      io_uring_prep_send(sqe, fd, sent.back().data(), sent.back().size(), flags);
    });
    ring.enter();
    pass(kMs);
    std::erase_if(ring.seen, [&](const Cqe& cqe) { return cqe.user_data == user_data; });
  }
  void receive_many(int fd, uint64_t user_data = 1, unsigned most = 0) {
    ring.add(
        user_data,
        [&](io_uring_sqe* sqe) {
          io_uring_prep_recv_multishot(sqe, fd, nullptr, most, 0);
          sqe->buf_group = kGroup;
        },
        kBuffer);
  }
  void run(int fd, uint64_t user_data, void (*prepare)(io_uring_sqe*, int)) {
    ring.add(user_data, [&](io_uring_sqe* sqe) { prepare(sqe, fd); });
    ring.enter();
    pass(kMs);
  }
  // All CQEs there are by now of one request.
  std::vector<Cqe> cqes_of(uint64_t user_data) {
    ring.settle();
    std::vector<Cqe> found;
    for (const Cqe& cqe : std::exchange(ring.seen, {})) {
      if (cqe.user_data == user_data) found.push_back(cqe);
    }
    return found;
  }
  void shut(int fd, int how) {
    ring.add(300, [&](io_uring_sqe* sqe) { io_uring_prep_shutdown(sqe, fd, how); });
    ring.enter();
    pass(kMs);
  }

  TestRing ring;
  sockaddr_in address{};
  int listener = -1;
  int client = -1;
  std::deque<std::string> sent;
};

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

TEST_F(FakeStream, AListenerThatIsShutDownEndsItsAcceptAClosedOneDoesNot) {  // U27
  auto accept = [&](uint64_t user_data) {
    ring.add(user_data, [&](io_uring_sqe* sqe) {
      io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, 0);
    });
    ring.enter();
  };
  accept(1);
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
  EXPECT_EQ(text(cqes_of(5)), "5:-22");
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

TEST_F(FakeStream, DontWaitSaysSoANonBlockingDescriptorDoesNot) {  // U45
  int server = connected();
  char byte;
  ring.add(1, [&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, server, &byte, 1, MSG_DONTWAIT); });
  EXPECT_EQ(text(cqes_of(1)), "1:-11");
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

}  // namespace
}  // namespace gatio::fakes
