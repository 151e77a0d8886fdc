// Messages between rings and from threads without one: rules U47 to U49, and files and direct
// descriptors.
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>

#include "fakes/files.hpp"
#include "fakes/ring/test_support.hpp"

namespace gatio::fakes {
namespace {

class FakeMessage : public RingTest {
 protected:
  void send(TestRing& from, int target, uint64_t user_data, uint64_t data, unsigned flags = 0) {
    from.add(user_data,
             [&](io_uring_sqe* sqe) { io_uring_prep_msg_ring(sqe, target, 7, data, flags); });
  }
};

TEST_F(FakeMessage, IsTaskWorkOfItsTargetAndInOrder) {  // U48
  TestRing from(kernel, 128);
  TestRing to(kernel, 8, 128);
  for (uint64_t i = 0; i < 100; ++i) send(from, to.ring.ring_fd, 1000 + i, i);
  from.enter();
  EXPECT_EQ(from.ready(), 100u);
  EXPECT_EQ(to.ready(), 0u);
  EXPECT_TRUE(to.flag(IORING_SQ_TASKRUN));
  to.settle();
  ASSERT_EQ(to.seen.size(), 100u);
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(to.seen[i].user_data, i);
  EXPECT_EQ(to.seen[0].res, 7);
}

TEST_F(FakeMessage, KnowsItsTarget) {  // U48
  TestRing from(kernel);
  TestRing disabled(kernel, 8, 8, kRingFlags | IORING_SETUP_R_DISABLED);
  int fd = kernel.event_fd();
  send(from, fd, 1, 0);
  send(from, disabled.ring.ring_fd, 2, 0);
  send(from, from.ring.ring_fd, 3, 33, IORING_MSG_RING_CQE_SKIP);
  send(from, from.ring.ring_fd, 4, 44);
  send(from, -1, 5, 0);
  from.enter();
  EXPECT_EQ(text(from.reap()), "1:-77 2:-77 3:-22 4:0 5:-9");
  EXPECT_EQ(text(from.settle()), "44:7");
  EXPECT_EQ(kernel.ring_message(-1, 0), -EBADF);
  EXPECT_EQ(kernel.ring_message(fd, 0), -EBADFD);
  EXPECT_EQ(kernel.ring_message(from.ring.ring_fd, 55), 0);
  EXPECT_EQ(text(from.settle()), "55:0");
}

TEST_F(FakeMessage, FindsRoomInTheOverflowList) {  // U49
  TestRing from(kernel);
  TestRing to(kernel, 4, 4);
  for (uint64_t i = 0; i < 10; ++i) send(from, to.ring.ring_fd, 1, i);
  from.enter();
  for (const Cqe& cqe : from.reap()) EXPECT_EQ(cqe.res, 0);
  to.fetch();
  EXPECT_EQ(to.ready(), 4u);
  EXPECT_TRUE(to.flag(IORING_SQ_CQ_OVERFLOW));
  to.settle();
  EXPECT_EQ(to.seen.size(), 10u);
}

TEST_F(FakeMessage, ToAClosedRingIsRefused) {
  TestRing from(kernel);
  TestRing to(kernel);
  int target = to.ring.ring_fd;
  to.close();
  send(from, target, 1, 0);
  from.enter();
  EXPECT_EQ(text(from.reap()), "1:-9");
}

TEST_F(FakeMessage, AFileIsCreatedWrittenSyncedAndRead) {
  TestRing ring(kernel);
  ring.add(1, [](io_uring_sqe* sqe) {
    io_uring_prep_openat(sqe, AT_FDCWD, "/a", O_RDWR | O_CREAT, 0644);
  });
  EXPECT_EQ(ring.wait(), 1);
  int fd = ring.reap()[0].res;
  ASSERT_GE(fd, FakeKernel::kFirstFd);
  char text_out[] = "abcdef";
  char text_in[8] = {};
  ring.add(2, [&](io_uring_sqe* sqe) { io_uring_prep_write(sqe, fd, text_out, 6, 2); });
  ring.add(3, [&](io_uring_sqe* sqe) { io_uring_prep_fsync(sqe, fd, 0); });
  ring.wait(2);
  EXPECT_EQ(text(ring.reap()), "2:6 3:0");
  ring.add(4, [&](io_uring_sqe* sqe) { io_uring_prep_read(sqe, fd, text_in, 8, 3); });
  ring.wait();
  EXPECT_EQ(text(ring.reap()), "4:5");
  EXPECT_STREQ(text_in, "bcdef");
  EXPECT_EQ(*kernel.files().get("/a"), std::string("\0\0abcdef", 8));
  ring.add(5, [&](io_uring_sqe* sqe) { io_uring_prep_close(sqe, fd); });
  ring.add(6, [&](io_uring_sqe* sqe) { io_uring_prep_close(sqe, fd); });
  ring.enter();
  EXPECT_EQ(text(ring.reap()), "5:0 6:-9");
  ring.add(7, [](io_uring_sqe* sqe) { io_uring_prep_openat(sqe, AT_FDCWD, "/b", O_RDONLY, 0); });
  ring.wait();
  EXPECT_EQ(text(ring.reap()), "7:-2");
}

TEST_F(FakeMessage, ASignalIsReadFromItsDescriptor) {
  TestRing ring(kernel);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  int fd = kernel.signal_fd(set);
  ring.add(1, [fd](io_uring_sqe* sqe) { io_uring_prep_poll_multishot(sqe, fd, POLLIN); });
  ring.enter();
  kernel.raise_signal(SIGINT);
  EXPECT_FALSE(ring.flag(IORING_SQ_TASKRUN));
  kernel.raise_signal(SIGTERM);
  EXPECT_EQ(text(ring.settle()), "1:1+");
  signalfd_siginfo info{};
  ring.add(2, [&](io_uring_sqe* sqe) { io_uring_prep_read(sqe, fd, &info, sizeof info, 0); });
  ring.enter();
  EXPECT_EQ(ring.reap()[0].res, static_cast<int>(sizeof info));
  EXPECT_EQ(info.ssi_signo, static_cast<uint32_t>(SIGTERM));
}

TEST_F(FakeMessage, DirectDescriptorsAreInstalledFoundAndCleared) {
  TestRing ring(kernel);
  int fd = kernel.event_fd();
  int fds[] = {fd, -1};
  EXPECT_EQ(kernel.ring_register(ring.ring, IORING_REGISTER_FILES, fds, 2), 0);
  EXPECT_EQ(kernel.ring_register(ring.ring, IORING_REGISTER_FILES, fds, 2), -EBUSY);
  kernel.close(fd);
  uint64_t value = 5;
  auto write = [&](uint64_t user_data, int slot) {
    ring.add(
        user_data, [&](io_uring_sqe* sqe) { io_uring_prep_write(sqe, slot, &value, 8, 0); },
        IOSQE_FIXED_FILE);
  };
  write(1, 0);
  write(2, 1);
  write(3, 2);
  ring.add(4, [](io_uring_sqe* sqe) { io_uring_prep_close_direct(sqe, 0); });
  ring.add(5, [](io_uring_sqe* sqe) { io_uring_prep_close_direct(sqe, 0); });
  write(6, 0);
  ring.enter();
  EXPECT_EQ(text(ring.reap()), "1:8 2:-9 3:-9 4:0 5:-9 6:-9");
  for (int result : {0, 1, -ENFILE}) {
    ring.add(7, [](io_uring_sqe* sqe) {
      io_uring_prep_socket_direct_alloc(sqe, AF_INET, SOCK_STREAM, 0, 0);
    });
    ring.enter();
    EXPECT_EQ(ring.reap()[0].res, result);
  }
  EXPECT_EQ(kernel.ring_register(ring.ring, IORING_UNREGISTER_FILES, nullptr, 0), 0);
  EXPECT_EQ(kernel.network().live_sockets(), 0u);
}

}  // namespace
}  // namespace gatio::fakes
