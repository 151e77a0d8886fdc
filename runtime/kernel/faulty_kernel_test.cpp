#include "runtime/kernel/faulty_kernel.hpp"

#include <gtest/gtest.h>
#include <liburing.h>

#include <cerrno>

#include "runtime/kernel/linux_kernel.hpp"

namespace gatio {
namespace {

constexpr size_t kPage = 4096;

class FaultyKernelTest : public testing::Test {
 protected:
  LinuxKernel linux_;
  FaultyKernel kernel_{linux_};
};

TEST_F(FaultyKernelTest, FailsTheNthCallOfOneDoorOnly) {
  kernel_.fail(Door::event_fd, 2, EMFILE);
  int first = kernel_.event_fd();
  int socket = kernel_.socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_GE(first, 0);
  EXPECT_GE(socket, 0);
  EXPECT_EQ(kernel_.event_fd(), -EMFILE);
  int third = kernel_.event_fd();
  EXPECT_GE(third, 0);
  for (int fd : {first, socket, third}) kernel_.close(fd);
}

TEST_F(FaultyKernelTest, FailsTheNthCallOfAnyDoor) {
  kernel_.fail_any(2, ENOBUFS);
  int fd = kernel_.event_fd();
  EXPECT_EQ(kernel_.socket(AF_INET, SOCK_STREAM, 0), -ENOBUFS);
  EXPECT_EQ(kernel_.faults(), 1u);
  kernel_.close(fd);
}

TEST_F(FaultyKernelTest, AMapThatFailsGivesNoMemory) {
  kernel_.fail(Door::map, 1, ENOMEM);
  EXPECT_EQ(kernel_.map(kPage, kPage, -1), nullptr);
  EXPECT_EQ(kernel_.mapped_bytes(), 0u);
}

TEST_F(FaultyKernelTest, CountsEachDoorAndAll) {
  int fd = kernel_.event_fd();
  kernel_.event_signal(fd);
  kernel_.event_signal(fd);
  kernel_.close(fd);
  EXPECT_EQ(kernel_.calls(Door::event_signal), 2u);
  EXPECT_EQ(kernel_.calls(), 4u);
}

TEST_F(FaultyKernelTest, ResetForgetsFaultsAndCountsButNotWhatIsOpen) {
  kernel_.fail_any(2, EIO);
  int fd = kernel_.event_fd();
  kernel_.reset();
  EXPECT_EQ(kernel_.calls(), 0u);
  EXPECT_EQ(kernel_.open_descriptors(), 1u);
  EXPECT_EQ(kernel_.event_signal(fd), 0);
  EXPECT_EQ(kernel_.event_signal(fd), 0);
  kernel_.close(fd);
}

TEST_F(FaultyKernelTest, KnowsTheDescriptorsThatAreOpen) {
  int event = kernel_.event_fd();
  int socket = kernel_.socket(AF_INET, SOCK_DGRAM, 0);
  EXPECT_EQ(kernel_.open_descriptors(), 2u);
  kernel_.close(event);
  kernel_.close(socket);
  EXPECT_EQ(kernel_.open_descriptors(), 0u);
}

TEST_F(FaultyKernelTest, ACloseThatFailsHasClosedAllTheSame) {
  kernel_.fail(Door::close, 1, EIO);
  int fd = kernel_.event_fd();
  EXPECT_EQ(kernel_.close(fd), -EIO);
  EXPECT_EQ(kernel_.open_descriptors(), 0u);
  EXPECT_EQ(linux_.close(fd), -EBADF);
}

TEST_F(FaultyKernelTest, KnowsTheMemoryThatIsMapped) {
  void* memory = kernel_.map(3 * kPage, kPage, -1);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(kernel_.mapped_bytes(), 3 * kPage);
  kernel_.unmap(memory, 3 * kPage);
  EXPECT_EQ(kernel_.mapped_bytes(), 0u);
}

TEST_F(FaultyKernelTest, KnowsTheRingsThatAreOpen) {
  io_uring ring{};
  io_uring_params params{};
  int result = kernel_.ring_setup(8, params, ring);
  if (result < 0) GTEST_SKIP() << "no io_uring here: errno " << -result;
  EXPECT_EQ(kernel_.open_rings(), 1u);
  kernel_.ring_close(ring);
  EXPECT_EQ(kernel_.open_rings(), 0u);
}

TEST_F(FaultyKernelTest, DoorsHaveNames) {
  EXPECT_STREQ(name_of(Door::ring_setup), "ring_setup");
  EXPECT_STREQ(name_of(Door::start_helper), "start_helper");
}

}  // namespace
}  // namespace gatio
