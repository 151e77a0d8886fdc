#include "runtime/kernel/environment.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/kernel/faulty_kernel.hpp"
#include "runtime/kernel/linux_kernel.hpp"
#include "runtime/kernel/testing.hpp"

namespace gatio {
namespace {

Limits good_limits() {
  return {.kernel_release = "6.18.0",
          .io_uring_disabled = 0,
          .locked_memory_bytes = 8 << 20,
          .open_files = 1 << 20,
          .open_files_hard = 1 << 20};
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// The fatal sentence of a start where io_uring_setup fails with `error`.
std::string sentence_for(int error, const Limits& limits) {
  LinuxKernel linux_kernel;
  FaultyKernel kernel(linux_kernel);
  kernel.fail(Door::ring_setup, 1, error);
  kernel.fail(Door::ring_setup, 2, error);
  return inspect(kernel, limits).fatal_text();
}

TEST(Environment, ARingThatCanBeSetUpIsNoProblem) {
  LinuxKernel kernel;
  Environment environment = inspect(kernel, good_limits());
  if (environment.fatal()) GTEST_SKIP() << environment.fatal_text();
  EXPECT_TRUE(environment.problems.empty());
}

TEST(Environment, InspectionLeavesNothingOpen) {
  LinuxKernel linux_kernel;
  FaultyKernel kernel(linux_kernel);
  inspect(kernel, good_limits());
  EXPECT_EQ(kernel.open_rings(), 0u);
  EXPECT_EQ(kernel.open_descriptors(), 0u);
  EXPECT_EQ(kernel.mapped_bytes(), 0u);
}

TEST(Environment, AnyFailingCallLeavesNothingOpen) {
  LinuxKernel linux_kernel;
  FaultyKernel kernel(linux_kernel);
  inspect(kernel, good_limits());
  uint64_t calls = kernel.calls();
  for (uint64_t nth = 1; nth <= calls; ++nth) {
    kernel.reset();
    kernel.fail_any(nth, EPERM);
    inspect(kernel, good_limits());
    EXPECT_EQ(kernel.open_rings(), 0u) << "call " << nth;
    EXPECT_EQ(kernel.mapped_bytes(), 0u) << "call " << nth;
  }
}

TEST(Environment, ARingWithoutTheNewestFlagWillDo) {
  LinuxKernel linux_kernel;
  FaultyKernel kernel(linux_kernel);
  kernel.fail(Door::ring_setup, 1, EINVAL);
  Environment environment = inspect(kernel, good_limits());
  if (environment.fatal()) GTEST_SKIP() << environment.fatal_text();
  EXPECT_FALSE(environment.features.no_sqarray);
}

TEST(Environment, AMissingIoUringIsNamed) {
  EXPECT_TRUE(has(sentence_for(ENOSYS, good_limits()), "has no io_uring"));
}

TEST(Environment, TheSysctlIsBlamedWhenItIsSet) {
  Limits limits = good_limits();
  limits.io_uring_disabled = 2;
  EXPECT_TRUE(has(sentence_for(EPERM, limits), "sysctl kernel.io_uring_disabled=0"));
  limits.io_uring_disabled = 1;
  EXPECT_TRUE(has(sentence_for(EPERM, limits), "kernel.io_uring_group"));
}

TEST(Environment, AFilterIsBlamedWhenTheSysctlIsNot) {
  EXPECT_TRUE(has(sentence_for(EPERM, good_limits()), "seccomp"));
}

TEST(Environment, LockedMemoryIsNamedWithItsLimit) {
  EXPECT_TRUE(has(sentence_for(ENOMEM, good_limits()), "8192 KiB"));
}

TEST(Environment, AnUnknownKindOfRingNamesTheKernel) {
  std::string text = sentence_for(EINVAL, good_limits());
  EXPECT_TRUE(has(text, "6.18.0")) << text;
}

TEST(Environment, AnOldKernelIsFatal) {
  LinuxKernel kernel;
  Limits limits = good_limits();
  limits.kernel_release = "5.15.0-91-generic";
  EXPECT_TRUE(has(inspect(kernel, limits).fatal_text(), "5.15.0-91-generic is too old"));
  limits.kernel_release = "6.1.0-18-amd64";
  EXPECT_FALSE(has(inspect(kernel, limits).fatal_text(), "too old"));
}

TEST(Environment, FewDescriptorsAreAWarning) {
  LinuxKernel kernel;
  Limits limits = good_limits();
  limits.open_files = 1024;
  Environment environment = inspect(kernel, limits);
  ASSERT_FALSE(environment.problems.empty());
  EXPECT_EQ(environment.problems[0].severity, Problem::Severity::warning);
  EXPECT_TRUE(has(environment.problems[0].text, "1024")) << environment.problems[0].text;
}

TEST(Environment, LimitsAreReadFromTheMachine) {
  Limits limits = read_limits();
  EXPECT_FALSE(limits.kernel_release.empty());
  EXPECT_GT(limits.open_files, 0u);
}

TEST(Environment, UnderARealSeccompFilterTheSentenceSaysSo) {
  if (read_limits().io_uring_disabled.value_or(0) != 0)
    GTEST_SKIP() << "the sysctl forbids io_uring";
  enum Outcome { kGood = 0, kOtherSentence = 1, kNoFilter = 2 };
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid_io_uring()) _exit(kNoFilter);
    LinuxKernel kernel;
    _exit(has(inspect(kernel).fatal_text(), "seccomp") ? kGood : kOtherSentence);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoFilter) GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_EQ(WEXITSTATUS(status), kGood);
}

}  // namespace
}  // namespace gatio
