#include "harness/process.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "harness/mix.hpp"
#include "harness/usage.hpp"

namespace gatio::harness {
namespace {

class Process : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/gatio-process-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Command command(std::vector<std::string> arguments) const {
    return {std::move(arguments), {}, folder_, "child"};
  }
  Command shell(const std::string& script) const { return command({"sh", "-c", script}); }

  std::string folder_;
  Interrupt interrupt_;
};

TEST_F(Process, SaysHowItEnded) {
  auto child = Child::start(shell("echo out; echo first >&2; echo last >&2; exit 3"));
  ASSERT_TRUE(child) << child.error().message();
  const auto exit = child->wait(interrupt_, -1);
  ASSERT_TRUE(exit);
  EXPECT_FALSE(exit->signalled);
  EXPECT_EQ(exit->code, 3);
  EXPECT_EQ(child->output(), "out\n");
  EXPECT_EQ(child->last_words(), "last");
}

TEST_F(Process, AProgramThatIsNotThereIsAnErrorThatNamesIt) {
  const auto child = Child::start(command({"/nowhere/server"}));
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ENOENT);
  EXPECT_NE(child.error().text.find("/nowhere/server"), std::string::npos);
}

TEST_F(Process, RunsOnTheCpusThatItIsGiven) {
  const unsigned last = cpus_of(*this_machine()).back();
  Command pinned = shell("grep Cpus_allowed_list /proc/self/status");
  pinned.cpus = {last};
  auto child = Child::start(pinned);
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait(interrupt_, -1));
  EXPECT_EQ(child->output(), "Cpus_allowed_list:\t" + std::to_string(last) + "\n");
}

TEST_F(Process, StopEndsItBySigterm) {
  auto child = Child::start(shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done"));
  ASSERT_TRUE(child);
  while (child->output().empty()) usleep(1000);  // the trap is set before the line is written
  EXPECT_EQ(child->stop(-1).code, 5);
}

TEST_F(Process, StopKillsWhatDoesNotListen) {
  auto child = Child::start(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
  ASSERT_TRUE(child);
  while (child->output().empty()) usleep(1000);
  const Exit exit = child->stop(1);
  EXPECT_TRUE(exit.signalled);
  EXPECT_EQ(exit.code, SIGKILL);
}

// Becomes readable, or is it already, when the process is gone. -1: it is gone already.
int watch(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

void expect_gone(int pidfd) {
  if (pidfd < 0) return;
  pollfd watched{pidfd, POLLIN, 0};
  EXPECT_EQ(poll(&watched, 1, 20'000), 1) << "the process is still there";
  close(pidfd);
}

TEST_F(Process, TheDestructorTakesItsChildrenToo) {
  int grandchild = -1;
  {
    auto child = Child::start(shell("sleep 1000 & echo $!; wait"));
    ASSERT_TRUE(child);
    while (child->output().find('\n') == std::string::npos) usleep(1000);
    grandchild = watch(atoi(child->output().c_str()));
    ASSERT_GE(grandchild, 0);
  }
  expect_gone(grandchild);
}

TEST_F(Process, AChildDiesWithARunnerThatIsKilled) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const pid_t runner = fork();
  if (runner == 0) {  // the stand-in for a runner
    auto child = Child::start(command({"sleep", "1000"}));
    const pid_t pid = child ? child->pid() : -1;
    if (write(pipe_fds[1], &pid, sizeof(pid)) != sizeof(pid)) _exit(1);
    pause();
    _exit(0);
  }
  pid_t child = -1;
  ASSERT_EQ(read(pipe_fds[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  ASSERT_GT(child, 0);
  const int pidfd = watch(child);
  ASSERT_GE(pidfd, 0);
  kill(runner, SIGKILL);
  ASSERT_EQ(waitpid(runner, nullptr, 0), runner);
  expect_gone(pidfd);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST_F(Process, HasNoSignalBlockedThoughTheRunnerHas) {
  auto child = Child::start(shell("grep SigBlk /proc/self/status"));
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait(interrupt_, -1));
  EXPECT_EQ(child->output(), "SigBlk:\t0000000000000000\n");
}

TEST_F(Process, CpuTimeOfItsWholeGroupIsCounted) {
  // Only the grandchild computes.
  auto child = Child::start(shell("(while :; do :; done) & wait"));
  ASSERT_TRUE(child);
  uint64_t cpu_ns = 0;
  while (cpu_ns < 20'000'000) cpu_ns = group_usage(child->pid()).cpu_ns;
  EXPECT_EQ(group_usage(child->pid()).processes, 2U);
}

TEST_F(Process, APendingInterruptEndsEveryWait) {
  auto child = Child::start(command({"sleep", "1000"}));
  ASSERT_TRUE(child);
  kill(getpid(), SIGINT);
  EXPECT_FALSE(child->wait(interrupt_, -1));
  EXPECT_TRUE(interrupt_.pending());
  // Taken back, for the tests after this one.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  EXPECT_EQ(sigwait(&signals, &signal), 0);
}

TEST(Programs, AreFoundInPath) {
  EXPECT_TRUE(program_exists("sh"));
  EXPECT_TRUE(program_exists("/bin/sh"));
  EXPECT_FALSE(program_exists("gatio-has-no-such-program"));
  EXPECT_FALSE(program_exists("/nowhere/sh"));
}

}  // namespace
}  // namespace gatio::harness
