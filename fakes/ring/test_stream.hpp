// A connection on the simulated network, driven through a ring: what the tests of streams and of
// datagrams share. For *_test.cpp only.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "fakes/ring/test_support.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {

inline constexpr uint64_t kMs = 1'000'000;
inline constexpr unsigned kBuffer = IOSQE_BUFFER_SELECT;
inline constexpr uint16_t kGroup = 3;

// A buffer ring of the user's: `count` buffers of `size` bytes, all given.
class Buffers {
 public:
  Buffers(FakeKernel& kernel, TestRing& ring, unsigned count, unsigned size, uint16_t flags = 0)
      : kernel_(kernel), bytes(count * size, '\0'), mask_(count - 1), size_(size) {
    ring_ = static_cast<io_uring_buf_ring*>(kernel.map(4096 * 16, 4096, -1));
    ring_->tail = 0;
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
  // The same, but every operation that can fail by the plan of faults does.
  std::vector<Cqe> cqes_of_failing(uint64_t user_data) {
    choices = Choices(std::vector<uint32_t>(8, 1));
    kernel.world().faults.operation_error = 1;
    std::vector<Cqe> found = cqes_of(user_data);
    kernel.world().faults.operation_error = 0;
    choices = Choices(std::vector<uint32_t>{});
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

}  // namespace gatio::fakes
