#include "runtime/ring/ring.hpp"

#include <gtest/gtest.h>

#include "runtime/ring/operations.hpp"
#include "runtime/ring/testing.hpp"

namespace gatio {
namespace {

TEST(Ring, ANopCompletesInTheTurnThatSubmitsIt) {
  LinuxKernel kernel;
  Ring ring;
  GATIO_OPEN_RING(ring, kernel, test_options());
  CountingCompletion done;
  io_uring_sqe* sqe = ring.sqe();
  io_uring_prep_nop(sqe);
  complete_to(sqe, done);
  ASSERT_TRUE(ring.enter(false));
  EXPECT_EQ(ring.reap(10), 1u);
  EXPECT_EQ(done.count, 1u);
}

}  // namespace
}  // namespace gatio
