#include "runtime/kernel/linux_kernel.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace gatio {
namespace {

TEST(LinuxKernel, MemoryIsAlignedAndWritable) {
  LinuxKernel kernel;
  for (size_t alignment : {4096UL, 65536UL, 4UL << 20}) {
    size_t bytes = 3 * 65536;
    auto* memory = static_cast<char*>(kernel.map(bytes, alignment, -1));
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % alignment, 0u);
    memory[0] = memory[bytes - 1] = 1;
    kernel.unmap(memory, bytes);
  }
}

TEST(LinuxKernel, MemoryOfNodeZeroCanBeHad) {
  LinuxKernel kernel;
  auto* memory = static_cast<char*>(kernel.map(4096, 4096, 0));
  ASSERT_NE(memory, nullptr);
  memory[0] = 1;
  kernel.unmap(memory, 4096);
}

TEST(LinuxKernel, MemoryOfANodeThatCannotBeIsRefused) {
  LinuxKernel kernel;
  EXPECT_EQ(kernel.map(4096, 4096, 100000), nullptr);
}

TEST(LinuxKernel, TheClockDoesNotGoBackAndSpendSpends) {
  LinuxKernel kernel;
  uint64_t before = kernel.now_ns();
  kernel.spend(100'000);
  EXPECT_GE(kernel.now_ns() - before, 100'000u);
}

TEST(LinuxKernel, AnEventIsSignalled) {
  LinuxKernel kernel;
  int fd = kernel.event_fd();
  ASSERT_GE(fd, 0);
  uint64_t value = 0;
  EXPECT_EQ(read(fd, &value, sizeof value), -1);
  EXPECT_EQ(kernel.event_signal(fd), 0);
  EXPECT_EQ(kernel.event_signal(fd), 0);
  EXPECT_EQ(read(fd, &value, sizeof value), static_cast<ssize_t>(sizeof value));
  EXPECT_EQ(value, 2u);
  kernel.close(fd);
}

TEST(LinuxKernel, ErrorsAreNegativeErrnos) {
  LinuxKernel kernel;
  EXPECT_EQ(kernel.close(-1), -EBADF);
  EXPECT_EQ(kernel.listen(-1, 1), -EBADF);
  EXPECT_EQ(kernel.socket(-1, SOCK_STREAM, 0), -EAFNOSUPPORT);
}

TEST(LinuxKernel, PinningBindsTheCallingThreadOnly) {
  std::thread([] {
    LinuxKernel kernel;
    int cpu = sched_getcpu();
    ASSERT_EQ(kernel.pin(static_cast<unsigned>(cpu)), 0);
    EXPECT_EQ(sched_getcpu(), cpu);
    EXPECT_EQ(kernel.pin(100000), -EINVAL);
  }).join();
}

TEST(LinuxKernel, AHelperRunsItsBody) {
  LinuxKernel kernel;
  std::mutex mutex;
  std::condition_variable changed;
  bool ran = false;
  ASSERT_EQ(kernel.start_helper([&] {
    std::lock_guard lock(mutex);
    ran = true;
    changed.notify_one();
  }),
            0);
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return ran; });
}

TEST(LinuxKernel, ASignalDescriptorTakesTheSignalFromTheThread) {
  std::thread([] {
    LinuxKernel kernel;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int fd = kernel.signal_fd(set);
    ASSERT_GE(fd, 0);
    pthread_kill(pthread_self(), SIGUSR1);
    char info[128];
    EXPECT_EQ(read(fd, info, sizeof info), static_cast<ssize_t>(sizeof info));
    kernel.close(fd);
  }).join();
}

}  // namespace
}  // namespace gatio
