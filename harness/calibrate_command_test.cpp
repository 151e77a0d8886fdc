// `gatio calibrate` measures operations that work, and says which one does not.
#include "harness/calibrate_command.hpp"

#include <gtest/gtest.h>
#include <liburing.h>

#include <cerrno>
#include <filesystem>

#include "harness/exit_code.hpp"
#include "runtime/kernel/environment.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio::harness {
namespace {

// Linux, but for one opcode: it does not know it, or never says that it is done.
class LinuxWithout final : public LinuxKernel {
 public:
  explicit LinuxWithout(uint8_t opcode, bool silent = false) : opcode_(opcode), silent_(silent) {}
  int ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags, const void* arg,
                 size_t arg_size) override {
    for (unsigned i = 0; i < submit; ++i) {
      io_uring_sqe& sqe = ring.sq.sqes[(ring.sq.sqe_tail - submit + i) & ring.sq.ring_mask];
      if (sqe.opcode != opcode_) continue;
      if (silent_) {
        sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
      } else {
        sqe.opcode = 255;
      }
    }
    return LinuxKernel::ring_enter(ring, submit, wait, flags, arg, arg_size);
  }

 private:
  const uint8_t opcode_;
  const bool silent_;
};

ptrdiff_t open_descriptors() {
  std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

class Calibrate : public testing::Test {
 protected:
  void SetUp() override {
    LinuxKernel kernel;
    if (Environment here = inspect(kernel); here.fatal()) GTEST_SKIP() << here.fatal_text();
  }
};

TEST_F(Calibrate, MeasuresWhatWorks) {
  LinuxKernel kernel;
  Result<fakes::Costs> costs = measure_costs(kernel);
  ASSERT_TRUE(costs) << costs.error().message();
  EXPECT_GT(costs->enter_ns, 0u);
}

// Results were dropped: an operation that failed gave a table of what failing costs, and the
// sockets stayed open.
TEST_F(Calibrate, AnOperationThatFailsIsNamed) {
  struct Broken {
    uint8_t opcode;
    const char* what;
  };
  for (const Broken& each : {Broken{IORING_OP_NOP, "a nop"},
                             {IORING_OP_MSG_RING, "a message to the ring itself"},
                             {IORING_OP_CONNECT, "connecting over the loopback"},
                             {IORING_OP_ACCEPT, "accepting over the loopback"},
                             {IORING_OP_SEND, "sending over the loopback"},
                             {IORING_OP_RECV, "receiving over the loopback"}}) {
    const ptrdiff_t before = open_descriptors();
    LinuxWithout kernel(each.opcode);
    Result<fakes::Costs> costs = measure_costs(kernel);
    ASSERT_FALSE(costs) << each.what;
    EXPECT_EQ(costs.error().code, EINVAL) << each.what;
    EXPECT_EQ(costs.error().message(),
              std::string(each.what) + " failed: Invalid argument (EINVAL)");
    EXPECT_EQ(open_descriptors(), before) << each.what;
  }
}

// It was waited for without end.
TEST_F(Calibrate, AnOperationThatNeverEndsIsNamed) {
  LinuxWithout kernel(IORING_OP_MSG_RING, true);
  Result<fakes::Costs> costs = measure_costs(kernel);
  ASSERT_FALSE(costs);
  EXPECT_EQ(costs.error().message(), "a message to the ring itself failed: Timer expired (ETIME)");
}

TEST_F(Calibrate, AnOutThatCannotBeWrittenIsToldBeforeMeasuring) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const int code = calibrate_command({.out = "/nonexistent/costs.json"});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "gatio calibrate: --out /nonexistent/costs.json: cannot write there: No such file or "
            "directory\n");
  EXPECT_EQ(code, kBadInput);
}

}  // namespace
}  // namespace gatio::harness
