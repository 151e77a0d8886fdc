// The canary of the exhaustive tests: EveryOrder finds an update that only one order loses, tries
// each order once, and says when somebody is left who cannot go on.
#include <gtest/gtest.h>

#include "runtime/base/testing.hpp"

namespace gatio {
namespace {

// Two actors that read, let others go on, and write. Returns how many orders lost an update.
size_t lost_updates(size_t most_preemptions, size_t& orders_tried) {
  int counter = 0;
  size_t lost = 0;
  EveryOrder orders;
  orders.points = "update";
  orders.most_preemptions = most_preemptions;
  auto add = [&] {
    int read = counter;
    sync_point("update");
    counter = read + 1;
  };
  orders_tried = orders.explore(
      [&] {
        counter = 0;
        return std::vector<EveryOrder::Actor>{add, add};
      },
      [&](bool stuck) {
        EXPECT_FALSE(stuck);
        lost += counter == 1 ? 1 : 0;
        return true;
      });
  return lost;
}

TEST(EveryOrder, FindsAnUpdateThatIsLost) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = 0;
  EXPECT_EQ(lost_updates(SIZE_MAX, orders), 4u);
  EXPECT_EQ(orders, 6u) << "of two actors with two steps each";
}

TEST(EveryOrder, WithoutInterruptionsNoneIsLost) {
  GATIO_NEEDS_CONTEXTS();
  size_t orders = 0;
  EXPECT_EQ(lost_updates(0, orders), 0u);
  EXPECT_EQ(orders, 2u);
}

TEST(EveryOrder, SaysWhenSomebodyIsStuck) {
  GATIO_NEEDS_CONTEXTS();
  EveryOrder orders;
  size_t stuck_runs = 0;
  orders.explore(
      [&] {
        return std::vector<EveryOrder::Actor>{[&] { orders.wait_until([] { return false; }); }};
      },
      [&](bool stuck) {
        stuck_runs += stuck ? 1 : 0;
        return true;
      });
  EXPECT_EQ(stuck_runs, 1u);
}

}  // namespace
}  // namespace gatio
