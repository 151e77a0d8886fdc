// The trees of tasks that live on a driver: which of them are asked to stop, which are counted when
// a deadline cuts them off, and what holds for those that arrive afterwards.
#include <gtest/gtest.h>

#include <coroutine>
#include <vector>

#include "runtime/driver/driver.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio {
namespace {

struct Tree : Root {
  explicit Tree(bool is_detached)
      : Root([](Completer*) -> std::coroutine_handle<> { return std::noop_coroutine(); },
             [](Root*) {}, Priority::normal) {
    detached = is_detached;
  }
};

// A driver without a ring, since nothing here runs.
class Roots : public ::testing::Test {
 protected:
  ~Roots() override {
    while (!attached_.empty()) detach(*attached_.back());
  }
  void attach(Tree& tree) {
    driver_.attach(tree);
    attached_.push_back(&tree);
  }
  void detach(Tree& tree) {
    driver_.detach(tree);
    std::erase(attached_, &tree);
  }

  LinuxKernel kernel_;
  Heap heap_{kernel_, -1, size_t{1} << 24};
  Driver driver_{kernel_, heap_, {}};
  Tree detached_{true}, joined_{false}, late_detached_{true}, late_joined_{false};
  std::vector<Tree*> attached_;
};

TEST_F(Roots, ADrainStopsTheDetachedAndThoseThatArriveLater) {
  attach(detached_);
  attach(joined_);
  driver_.stop_detached();
  EXPECT_TRUE(detached_.stop.stop_requested());
  EXPECT_FALSE(joined_.stop.stop_requested());
  attach(late_detached_);
  attach(late_joined_);
  EXPECT_TRUE(late_detached_.stop.stop_requested());
  EXPECT_FALSE(late_joined_.stop.stop_requested());
}

TEST_F(Roots, ADeadlineCountsTheDetachedOnceAlsoThoseThatArriveLater) {
  attach(detached_);
  attach(joined_);
  driver_.cut_off_tasks();
  EXPECT_EQ(driver_.stats().cut_off_tasks, 1u);
  driver_.cut_off_tasks();
  EXPECT_EQ(driver_.stats().cut_off_tasks, 1u);
  // It comes back from another driver.
  detach(detached_);
  attach(detached_);
  EXPECT_EQ(driver_.stats().cut_off_tasks, 1u);
  attach(late_joined_);
  EXPECT_EQ(driver_.stats().cut_off_tasks, 1u);
  attach(late_detached_);
  EXPECT_EQ(driver_.stats().cut_off_tasks, 2u);
}

TEST_F(Roots, AFrozenDriverStopsAllAlsoThoseThatArriveLater) {
  attach(joined_);
  driver_.freeze();
  EXPECT_TRUE(joined_.stop.stop_requested());
  attach(late_joined_);
  EXPECT_TRUE(late_joined_.stop.stop_requested());
}

}  // namespace
}  // namespace gatio
