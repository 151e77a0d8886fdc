// Where a TPC puts a task, and that what it has sent counts until it arrives (R7). Its drivers run
// nothing here.
#include "runtime/tpc/tpc.hpp"

#include <gtest/gtest.h>

#include "runtime/driver/testing.hpp"

namespace gatio {
namespace {

constexpr uint64_t kCostNs = 5'000;

TpcLayout of_roles(const std::vector<config::Role>& roles, unsigned node = 0) {
  TpcLayout layout{.position = node,
                   .os_index = node,
                   .mix = {},
                   .drivers = {},
                   .nearest_io = {},
                   .nearest_exec = {}};
  for (unsigned i = 0; i < roles.size(); ++i)
    layout.drivers.push_back(
        {.node = node, .index = i, .core = i, .l3 = 0, .pu = i, .role = roles[i], .partner = {}});
  return layout;
}

class TpcTest : public ::testing::Test {
 protected:
  ~TpcTest() override { Driver::leave_thread(); }
  // What the choice for a task spawned on `from` is, made on its thread.
  static Executor* place(Tpc& tpc, Driver& from, const Hints& hints = {.cost_ns = kCostNs}) {
    from.enter_thread();
    Result<Executor*> chosen = tpc.place(from, hints);
    return chosen ? *chosen : nullptr;
  }

  LinuxKernel kernel_;
  TpcOptions affinity_{.placement = Policy::affinity, .heap_bytes = size_t{1} << 24};
  TpcOptions least_work_{.placement = Policy::least_work, .heap_bytes = size_t{1} << 24};
};

TEST_F(TpcTest, ATaskComesFromTheDriverThatSpawnsItUnlessItSaysOtherwise) {
  Tpc tpc(kernel_, of_roles({config::Role::both, config::Role::both}), affinity_);
  auto& drivers = tpc.drivers();
  EXPECT_EQ(place(tpc, *drivers[0]), drivers[0].get());
  EXPECT_EQ(place(tpc, *drivers[1]), drivers[1].get());
  EXPECT_EQ(place(tpc, *drivers[1], {.from_driver = 0}), drivers[0].get());
}

TEST_F(TpcTest, WhatIsSentToAnotherDriverCountsThereUntilItArrives) {
  Tpc tpc(kernel_, of_roles({config::Role::both, config::Role::both}), affinity_);
  Driver& other = *tpc.drivers()[1];
  for (uint64_t sent : {1, 2}) {
    EXPECT_EQ(place(tpc, *tpc.drivers()[0], {.from_driver = 1, .cost_ns = kCostNs}), &other);
    EXPECT_EQ(other.load().coming_ns, sent * kCostNs);
    EXPECT_EQ(other.load().coming_tasks, sent);
  }
  Tpc by_work(kernel_, of_roles({config::Role::both, config::Role::both}), least_work_);
  by_work.drivers()[0]->load().coming_ns = kCostNs;
  by_work.drivers()[0]->load().coming_tasks = 1;
  EXPECT_EQ(place(by_work, *by_work.drivers()[1]), by_work.drivers()[1].get());
}

// Its own queue is known to the driver, and what it keeps is never on its way.
TEST_F(TpcTest, WhatADriverKeepsIsNotOnItsWay) {
  Tpc tpc(kernel_, of_roles({config::Role::both, config::Role::both}), affinity_);
  Driver& self = *tpc.drivers()[0];
  EXPECT_EQ(place(tpc, self), &self);
  EXPECT_EQ(self.load().coming_ns, 0u);
  EXPECT_EQ(self.load().coming_tasks, 0u);
}

// What completes is handed out before the mailbox is asked, which still says that the driver
// sleeps.
TEST_F(TpcTest, ADriverThatHasJustWokenUpDoesNotTakeItselfForAsleep) {
  GATIO_NEEDS_RINGS();
  TpcLayout layout = of_roles({config::Role::both, config::Role::both});
  layout.drivers[0].pu = DriverGroup::allowed_cpus().front();
  Tpc tpc(kernel_, layout,
          {.placement = Policy::best, .heap_bytes = size_t{1} << 24, .ring = test_options()});
  Driver& self = *tpc.drivers()[0];
  self.enter_thread();
  ASSERT_TRUE(self.open());
  struct Choice : Completion {
    Tpc& tpc;
    Driver& self;
    bool was_marked = false;
    Executor* chosen = nullptr;
    Choice(Tpc& its_tpc, Driver& its_driver) : tpc(its_tpc), self(its_driver) {
      complete = [](Completion* completion, int32_t, uint32_t) {
        auto* choice = static_cast<Choice*>(completion);
        choice->was_marked = choice->self.looks_parked();
        choice->chosen = place(choice->tpc, choice->self);
      };
    }
  } choice(tpc, self);
  io_uring_sqe* sqe = self.io_sqe();
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(&choice));
  self.turn();
  EXPECT_TRUE(choice.was_marked);
  EXPECT_EQ(choice.chosen, &self);
  self.close();
}

TEST_F(TpcTest, AnotherTpcTakesTheTasksOfOneThatExecutesNone) {
  Tpc io(kernel_, of_roles({config::Role::io}), affinity_);
  EXPECT_EQ(place(io, *io.drivers()[0]), nullptr);
  Tpc exec(kernel_, of_roles({config::Role::io, config::Role::exec}, 1), affinity_);
  io.set_fallback(&exec);
  EXPECT_EQ(place(io, *io.drivers()[0]), exec.drivers()[1].get());
}

}  // namespace
}  // namespace gatio
