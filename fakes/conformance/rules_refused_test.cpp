// What is wrong with an SQE, or with what it points to, on both kernels: refused with the same
// errno.
#include <netinet/in.h>

#include <climits>

#include "fakes/conformance/test_rules.hpp"

namespace gatio::fakes::conformance {
namespace {

class Refused : public Rules {
 protected:
  void SetUp() override {
    Rules::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(ring_.open(kernel(), 4, 8), 0);
    stream_ = kernel().socket(AF_INET, SOCK_STREAM, 0);
    datagram_ = kernel().socket(AF_INET, SOCK_DGRAM, 0);
  }
  void TearDown() override {
    ring_.close();
    for (int fd : {stream_, datagram_}) kernel().close(fd);
  }
  template <typename Prepare>
  int32_t result_of(Prepare prepare) {
    prepare(ring_.sqe());
    EXPECT_EQ(ring_.submit(1, kPatienceNs), 1);
    const io_uring_cqe* cqe = ring_.look();
    if (cqe == nullptr) return -ETIME;
    int32_t result = cqe->res;
    ring_.reap(1);
    return result;
  }

  static constexpr uint64_t kPatienceNs = 1'000'000'000;
  PlainRing ring_;
  int stream_ = -1;
  int datagram_ = -1;
};
GATIO_ON_BOTH_KERNELS(Refused);

TEST_P(Refused, MessagesWithoutAHeaderOrParts) {
  msghdr header{};
  header.msg_iovlen = 1;
  for (msghdr* pointer : {static_cast<msghdr*>(nullptr), &header}) {
    EXPECT_EQ(
        result_of([&](io_uring_sqe* sqe) { io_uring_prep_sendmsg(sqe, datagram_, pointer, 0); }),
        -EFAULT);
    EXPECT_EQ(
        result_of([&](io_uring_sqe* sqe) { io_uring_prep_recvmsg(sqe, datagram_, pointer, 0); }),
        -EFAULT);
  }
}

TEST_P(Refused, VectorsThatAreNotThere) {
  EXPECT_EQ(result_of([&](io_uring_sqe* sqe) { io_uring_prep_readv(sqe, stream_, nullptr, 1, 0); }),
            -EFAULT);
}

TEST_P(Refused, AnAddressThatIsNotThere) {
  EXPECT_EQ(result_of([&](io_uring_sqe* sqe) {
              io_uring_prep_connect(sqe, stream_, nullptr, sizeof(sockaddr_in));
            }),
            -EFAULT);
  EXPECT_EQ(result_of([&](io_uring_sqe* sqe) { io_uring_prep_connect(sqe, stream_, nullptr, 0); }),
            -EINVAL);
}

TEST_P(Refused, HeadersThatCannotBeCounted) {
  msghdr header{};
  auto receive = [&](uint64_t name, uint64_t control) {
    header.msg_namelen = static_cast<socklen_t>(name);
    header.msg_controllen = control;
    return result_of([&](io_uring_sqe* sqe) {
      io_uring_prep_recvmsg_multishot(sqe, datagram_, &header, MSG_DONTWAIT);
      sqe->flags |= IOSQE_BUFFER_SELECT;
    });
  };
  EXPECT_EQ(receive(INT_MAX, 0), -EOVERFLOW);
  EXPECT_EQ(receive(0, INT_MAX), -EOVERFLOW);
  EXPECT_EQ(receive(16, ~uint64_t{0}), -EOVERFLOW);
  EXPECT_EQ(receive(0x8000'0000, 0), -EOVERFLOW);
  EXPECT_EQ(receive(16, 16), -ENOBUFS);
}

// The connection is lost as well.
TEST_P(Refused, AnAcceptThatCannotSayHowLongTheAddressIs) {
  int listener = -1;
  sockaddr_in address{};
  ASSERT_NO_FATAL_FAILURE(listen_on_loopback(listener, address));
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(result_of([&](io_uring_sqe* sqe) {
              io_uring_prep_connect(sqe, stream_, generic, sizeof address);
            }),
            0);
  EXPECT_EQ(result_of([&](io_uring_sqe* sqe) {
              io_uring_prep_accept(sqe, listener, generic, nullptr, 0);
            }),
            -EFAULT);
  char byte = 0;
  EXPECT_EQ(result_of([&](io_uring_sqe* sqe) { io_uring_prep_recv(sqe, stream_, &byte, 1, 0); }),
            0);
  kernel().close(listener);
}

}  // namespace
}  // namespace gatio::fakes::conformance
