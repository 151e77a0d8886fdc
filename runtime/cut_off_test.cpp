// What the deadline of a drain cuts off (R10): tasks that ignore that they were asked to stop are
// counted and end, whatever they wait for, and nothing of theirs stays open or in memory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "runtime/driver/file.hpp"
#include "runtime/driver/poll_stream.hpp"
#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

class CutOff : public EachMix {
 protected:
  CutOff() {
    server.listener.timeouts.drain_ms = 20;
    server.handler = [](const http::Request&, http::Response&) -> Task<void> { co_return; };
  }
  void wait_for(const std::atomic<bool>& value) {
    while (!value.load()) std::this_thread::yield();
  }
  void expect_nothing_left(const Metrics& metrics, uint64_t tasks) {
    EXPECT_EQ(metrics.cut_off_tasks, tasks);
    EXPECT_TRUE(server.runtime().lifecycle().cut_off());
    for (auto& driver : server.runtime().tpcs()[0]->drivers()) {
      EXPECT_EQ(driver->operations_in_flight, 0u);
      EXPECT_FALSE(driver->has_tasks());
    }
  }
  static bool is_closed(int fd) {
    struct stat status;
    return fstat(fd, &status) != 0 && errno == EBADF;
  }

  std::atomic<bool> begun{false};
};
GATIO_EACH_MIX(CutOff);

TEST_P(CutOff, AStreamHandlerThatIgnoresEveryErrorEndsAndItsSocketIsClosed) {
  size_t before = open_descriptors();
  server.stream = [&](Stream stream) -> Task<void> {
    begun = true;
    while (true) (void)co_await stream.receive();
  };
  start();
  Client client(server.port());
  wait_for(begun);
  expect_nothing_left(server.stop(), 1);
  EXPECT_EQ(client.read_to_end(), "");  // Its end has come: this returns.
  client.close();
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(CutOff, AnHttpHandlerThatSleepsAgainAndAgainEnds) {
  size_t before = open_descriptors();
  server.handler = [&](const http::Request&, http::Response&) -> Task<void> {
    begun = true;
    while (true) (void)co_await sleep_for(std::chrono::hours(1));
  };
  start();
  Client client(server.port());
  ASSERT_TRUE(client.send(get("/")));
  wait_for(begun);
  const Metrics& metrics = server.stop();
  expect_nothing_left(metrics, 0);  // It is a connection's, and counted as that.
  EXPECT_EQ(metrics.cut_off, 1u);
  client.close();
  EXPECT_EQ(open_descriptors(), before);
}

// What a task may have open when it is destroyed: files, polls, and children on other drivers that
// use what lies in its frame.
TEST_P(CutOff, ATreeOfTasksOnSeveralDriversIsDestroyedFromItsLeaves) {
  int pipe_fds[2];
  ASSERT_EQ(pipe2(pipe_fds, O_CLOEXEC), 0);
  std::atomic<int> file_fd{-1};
  std::atomic<int> destroyed{0};
  struct Guard {
    std::atomic<int>& count;
    std::atomic<int>* of_the_parent;  // Its leaves go on several drivers.
    ~Guard() {
      ++*of_the_parent;  // The address sanitizer would see a parent that goes first.
      ++count;
    }
  };
  server.start_tasks.push_back([&]() -> Task<void> {
    Result<File> file = co_await File::open("/dev/null", O_RDONLY);
    Result<PollStream> events = PollStream::open(pipe_fds[0], POLLIN);
    if (!file || !events) co_return;
    file_fd = file->fd();
    std::atomic<int> mine{0};
    Guard guard{destroyed, &mine};
    auto child = [&]() -> Task<void> {
      Guard its_guard{destroyed, &mine};
      while (true) (void)co_await sleep_for(std::chrono::hours(1));
    };
    co_await with_scope([&](Scope& scope) -> Task<void> {
      (void)scope.spawn_on(*Driver::current(), child);
      (void)scope.spawn_on(server.last_executing_driver(), child);
      begun = true;
      while (true) (void)co_await events->next();
    });
  });
  start();
  wait_for(begun);
  server.settle();
  expect_nothing_left(server.stop(), 1);
  EXPECT_EQ(destroyed.load(), 3);
  EXPECT_TRUE(is_closed(file_fd.load()));
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

// Branches are frames of one tree, each suspended somewhere else.
TEST_P(CutOff, BranchesThatWaitForEachOtherAreDestroyed) {
  server.start_tasks.push_back([&]() -> Task<void> {
    auto sleeps = []() -> Task<void> {
      while (true) (void)co_await sleep_for(std::chrono::hours(1));
    };
    auto yields = [&]() -> Task<void> {
      begun = true;
      while (true) co_await yield();
    };
    (void)co_await when_all(sleeps(), yields());
  });
  start();
  wait_for(begun);
  expect_nothing_left(server.stop(), 1);
}

// Nothing of ours will ever resume it, and nothing cancels it.
TEST_P(CutOff, ATaskThatWaitsForeverForSomethingForeignIsDestroyed) {
  std::atomic<bool> destroyed{false};
  struct Guard {
    std::atomic<bool>& flag;
    ~Guard() { flag = true; }
  };
  server.start_tasks.push_back([&]() -> Task<void> {
    Guard guard{destroyed};
    begun = true;
    co_await std::suspend_always();
  });
  start();
  wait_for(begun);
  expect_nothing_left(server.stop(), 1);
  EXPECT_TRUE(destroyed.load());
}

// After the deadline, too, there is time to end in good order.
TEST_P(CutOff, ATaskThatHeedsTheDeadlineEndsByItself) {
  bool ended = false;
  int code = 0;
  server.start_tasks.push_back([&]() -> Task<void> {
    begun = true;
    while (!Driver::current()->refuses_operations) co_await yield();
    for (int i = 0; i < 10; ++i) co_await yield();
    Result<File> file = co_await File::open("/dev/null", O_RDONLY);
    code = file ? 0 : file.error().code;
    ended = true;
  });
  start();
  wait_for(begun);
  expect_nothing_left(server.stop(), 1);
  EXPECT_TRUE(ended);
  EXPECT_EQ(code, ECANCELED);
}

Task<void> task_with_a_frame_larger_than_the_heap() {
  std::array<char, size_t{4} << 20> large;  // A thread's stack must hold it, unoptimised.
  large.fill(1);
  co_await yield();
  if (large[large.size() / 2] != 1) std::abort();
}

TEST_P(CutOff, AStartTaskWithoutMemoryEndsTheRunWithAnError) {
  LinuxKernel kernel;
  RuntimeOptions options;
  options.config.tpcs = {config::TpcConfig{{}, *config::parse_mix(GetParam())}};
  options.config.heap_mb = 2;
  Runtime runtime(kernel, options);
  bool other_stopped = false;
  runtime.on_start(
      [&]() -> Task<void> { other_stopped = !co_await sleep_for(std::chrono::hours(1)); });
  runtime.on_start(&task_with_a_frame_larger_than_the_heap);
  Result<void> ran = runtime.run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ENOMEM);
  EXPECT_NE(ran.error().text.find("heap_mb"), std::string::npos) << ran.error().text;
  EXPECT_TRUE(other_stopped);
}

}  // namespace
}  // namespace gatio::testing
