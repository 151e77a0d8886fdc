#include "runtime/driver/run_queue.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gatio {
namespace {

TEST(RunQueue, IsFirstInFirstOutWithinAPriority) {
  for (Priority priority : {Priority::high, Priority::normal, Priority::low}) {
    RunQueue queue;
    Work works[5];
    for (Work& each : works) queue.push(each, priority);
    EXPECT_EQ(queue.length(priority), 5u);
    for (Work& each : works) EXPECT_EQ(queue.pop(), &each);
    EXPECT_EQ(queue.pop(), nullptr);
    EXPECT_TRUE(queue.empty());
  }
}

TEST(RunQueue, ServesTheMoreUrgentFirst) {
  RunQueue queue;
  Work low, normal, high;
  queue.push(low, Priority::low);
  queue.push(normal, Priority::normal);
  queue.push(high, Priority::high);
  EXPECT_EQ(queue.pop(), &high);
  EXPECT_EQ(queue.pop(), &normal);
  EXPECT_EQ(queue.pop(), &low);
}

// How many pops pass until `waiting` comes out, while each of `flood` is pushed again at once.
unsigned pops_until(RunQueue& queue, Work& waiting, Priority its_priority,
                    const std::vector<Priority>& flood) {
  std::vector<Work> works(flood.size());
  for (size_t i = 0; i < flood.size(); ++i) queue.push(works[i], flood[i]);
  queue.push(waiting, its_priority);
  for (unsigned pops = 1; pops < 1000; ++pops) {
    Work* work = queue.pop();
    if (work == &waiting) return pops;
    queue.push(*work, flood[static_cast<size_t>(work - works.data())]);
  }
  return 1000;
}

TEST(RunQueue, ALowPriorityRunsAfterABoundedNumberOfOthers) {
  RunQueue queue;
  Work waiting;
  EXPECT_LE(pops_until(queue, waiting, Priority::low, {Priority::high}), RunQueue::kMostSkips + 1);
}

TEST(RunQueue, ALowPriorityIsBoundedUnderAFloodOfBothOthers) {
  RunQueue queue;
  Work waiting;
  EXPECT_LE(pops_until(queue, waiting, Priority::low, {Priority::high, Priority::normal}),
            RunQueue::kMostSkips + 3);
}

TEST(RunQueue, ANormalPriorityIsBoundedUnderAFloodOfHigh) {
  RunQueue queue;
  Work waiting;
  EXPECT_LE(pops_until(queue, waiting, Priority::normal, {Priority::high, Priority::low}),
            RunQueue::kMostSkips + 3);
}

TEST(RunQueue, AgeingDoesNotTurnThePrioritiesRound) {
  RunQueue queue;
  Work low;
  // Below the bound the low one does not come between the high ones.
  std::vector<Work> high(RunQueue::kMostSkips - 1);
  queue.push(low, Priority::low);
  for (Work& each : high) queue.push(each, Priority::high);
  for (Work& each : high) EXPECT_EQ(queue.pop(), &each);
  EXPECT_EQ(queue.pop(), &low);
}

}  // namespace
}  // namespace gatio
