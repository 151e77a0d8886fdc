// Drains on the fake kernel that once went wrong, under many schedules: a crowd, of which some are
// still in the backlog, on drivers with few buffers and a small ring.
#include "harness/simulation/drain_run.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

// Far less than the deadline of a drain.
constexpr uint64_t kSoonNs = 1'000'000'000;

CaseResult drain_crowd(uint64_t seed) {
  DrainLoad load;
  load.sleeps = true;
  load.most_us = 60;
  load.buffers = 2;
  load.buffer_bytes = 64;
  load.shutdown_ns = 400'000;
  load.clients.resize(10);
  for (HttpClientOptions& client : load.clients) {
    client.requests = client.pipeline = 2;
    client.in_pieces = true;
    client.numbered = true;
  }
  fakes::Choices choices(seed);
  return run_drain_load(choices, {}, make_shape({.mix = "2both", .small_rings = true}), load);
}

// While the kernel is about to try an accept again no cancel finds it. The one that was sent did
// not, and the drain waited for that accept until its deadline.
TEST(DrainOfACrowd, BugACancelMissedAnAcceptThatWasBeingTriedAgain) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CaseResult result = drain_crowd(seed);
    ASSERT_TRUE(result.ended);
    EXPECT_LT(result.virtual_ns, kSoonNs) << "seed " << seed;
  }
}

// A receive was armed just before the drain, and what it brought had not been reaped when the drain
// came, since the driver had been held up: the connection ended, its request unanswered.
TEST(DrainOfACrowd, BugARequestWasLostBetweenItsReceiveAndTheDrain) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    CaseResult result = drain_crowd(seed);
    ASSERT_TRUE(result.ended);
    EXPECT_EQ(result.findings, std::vector<std::string>{}) << "seed " << seed;
  }
}

}  // namespace
}  // namespace gatio::harness
