#include "runtime/ring/buffer_ring.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <vector>

#include "runtime/kernel/faulty_kernel.hpp"
#include "runtime/ring/testing.hpp"

namespace gatio {
namespace {

constexpr uint16_t kGroup = 7;

// Keeps every CQE of a receive.
struct Received : Completion {
  struct Cqe {
    int32_t result;
    uint32_t flags;
    [[nodiscard]] bool more() const { return (flags & IORING_CQE_F_MORE) != 0; }
    [[nodiscard]] bool has_buffer() const { return (flags & IORING_CQE_F_BUFFER) != 0; }
    [[nodiscard]] uint16_t id() const {
      return static_cast<uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    }
  };
  std::vector<Cqe> cqes;

  Received() {
    complete = [](Completion* self, int32_t result, uint32_t flags) {
      static_cast<Received*>(self)->cqes.push_back({result, flags});
    };
  }
};

class BufferRingTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair_), 0); }
  void TearDown() override {
    for (int fd : pair_) kernel_.close(fd);
  }
  void write_to_peer(const std::string& text) {
    ASSERT_EQ(send(pair_[0], text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  // Until there are `count` CQEs in all.
  void wait_for(size_t count) {
    while (received_.cqes.size() < count) {
      ASSERT_TRUE(ring_.enter(true));
      ring_.reap(100);
    }
  }
  std::string text_of(const Received::Cqe& cqe) {
    std::span<char> bytes = buffers_.buffer(cqe.id(), static_cast<size_t>(cqe.result));
    return {bytes.begin(), bytes.end()};
  }

  LinuxKernel linux_;
  FaultyKernel kernel_{linux_};
  Received received_;
  int pair_[2] = {-1, -1};
  Ring ring_;
  BufferRing buffers_;
};

TEST_F(BufferRingTest, ReceivedBytesLieInTheBufferThatTheCqeNames) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 4, 64, -1));
  prepare_receive_multishot(ring_, pair_[1], kGroup, received_);
  write_to_peer("hello");
  wait_for(1);
  EXPECT_EQ(text_of(received_.cqes[0]), "hello");
  EXPECT_EQ(buffers_.free_count(), 3u);
}

TEST_F(BufferRingTest, RecycledBuffersAreFilledAgain) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 2, 64, -1));
  prepare_receive_multishot(ring_, pair_[1], kGroup, received_);
  for (size_t i = 0; i < 10; ++i) {
    std::string text = "message " + std::to_string(i);
    write_to_peer(text);
    wait_for(i + 1);
    EXPECT_EQ(text_of(received_.cqes[i]), text);
    EXPECT_TRUE(received_.cqes[i].more());
    buffers_.recycle(received_.cqes[i].id());
  }
  EXPECT_EQ(buffers_.free_count(), 2u);
}

TEST_F(BufferRingTest, WithoutBuffersTheReceiveEndsAndTheBytesStay) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 1, 4, -1));
  prepare_receive_multishot(ring_, pair_[1], kGroup, received_);
  write_to_peer("abcdefgh");
  wait_for(2);
  EXPECT_EQ(text_of(received_.cqes[0]), "abcd");
  EXPECT_EQ(received_.cqes[1].result, -ENOBUFS);
  EXPECT_FALSE(received_.cqes[1].more());
  buffers_.recycle(received_.cqes[0].id());
  prepare_receive_multishot(ring_, pair_[1], kGroup, received_);
  wait_for(3);
  EXPECT_EQ(text_of(received_.cqes[2]), "efgh");
}

TEST_F(BufferRingTest, TheEndOfTheStreamTakesNoBuffer) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 4, 64, -1));
  prepare_receive_multishot(ring_, pair_[1], kGroup, received_);
  ASSERT_EQ(shutdown(pair_[0], SHUT_WR), 0);
  wait_for(1);
  EXPECT_EQ(received_.cqes[0].result, 0);
  EXPECT_FALSE(received_.cqes[0].has_buffer());
  EXPECT_FALSE(received_.cqes[0].more());
}

TEST_F(BufferRingTest, AFullCqEndsTheReceiveAndRearmingLosesNothing) {
  GATIO_OPEN_RING(ring_, kernel_, test_options(4, 4));
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 16, 1, -1));
  write_to_peer("abcdefghijkl");
  std::string text;
  size_t seen = 0;
  unsigned armed = 0;
  while (text.size() < 12) {
    if (received_.cqes.empty() || !received_.cqes.back().more()) {
      prepare_receive_multishot(ring_, pair_[1], kGroup, received_);
      ++armed;
    }
    wait_for(seen + 1);
    for (; seen < received_.cqes.size(); ++seen) {
      text += text_of(received_.cqes[seen]);
      buffers_.recycle(received_.cqes[seen].id());
    }
  }
  EXPECT_EQ(text, "abcdefghijkl");
  EXPECT_GT(armed, 1u);
}

TEST_F(BufferRingTest, RecyclingABufferTwiceIsABug) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 4, 64, -1));
  EXPECT_DEATH(buffers_.recycle(0), "assertion failed");
}

TEST_F(BufferRingTest, ClosingUnregistersTheGroupAndUnmapsIt) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 4, 64, -1));
  buffers_.close();
  EXPECT_EQ(kernel_.mapped_bytes(), 0u);
  EXPECT_TRUE(buffers_.open(ring_, kGroup, 4, 64, -1));
}

TEST_F(BufferRingTest, AGroupThatExistsIsRefusedAndNothingStaysMapped) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  ASSERT_TRUE(buffers_.open(ring_, kGroup, 4, 64, -1));
  size_t mapped = kernel_.mapped_bytes();
  BufferRing second;
  Result<void> opened = second.open(ring_, kGroup, 4, 64, -1);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, EEXIST);
  EXPECT_NE(opened.error().text.find("exists already"), std::string::npos);
  EXPECT_EQ(kernel_.mapped_bytes(), mapped);
}

TEST_F(BufferRingTest, ACountThatIsNoPowerOfTwoIsRefused) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  for (unsigned count : {0u, 3u, 65536u}) {
    EXPECT_EQ(buffers_.open(ring_, kGroup, count, 64, -1).error().code, EINVAL) << count;
  }
}

TEST_F(BufferRingTest, NoMemoryIsAnError) {
  GATIO_OPEN_RING(ring_, kernel_, test_options());
  kernel_.fail(Door::map, 1, ENOMEM);
  EXPECT_EQ(buffers_.open(ring_, kGroup, 4, 64, 0).error().code, ENOMEM);
}

}  // namespace
}  // namespace gatio
