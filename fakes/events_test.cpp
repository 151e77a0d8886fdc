// Events fire in the order of their time, then of their being scheduled; those that are gone do
// not.
#include "fakes/events.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "runtime/base/prng.hpp"

namespace gatio::fakes {
namespace {

struct Noted : Event {
  Noted(std::vector<int>& its_order, int its_name)
      : Event([](Event* event) {
          auto* self = static_cast<Noted*>(event);
          self->order.push_back(self->name);
        }),
        order(its_order),
        name(its_name) {}
  std::vector<int>& order;
  int name;
};

TEST(Events, FireInOrderOfTimeThenOfScheduling) {
  Events events;
  std::vector<int> order;
  Noted a(order, 1), b(order, 2), c(order, 3);
  events.schedule(a, 20);
  events.schedule(b, 10);
  events.schedule(c, 20);
  while (!events.empty()) events.fire_next();
  EXPECT_EQ(order, (std::vector<int>{2, 1, 3}));
}

TEST(Events, OneThatMovesFiresOnce) {
  Events events;
  std::vector<int> order;
  Noted a(order, 1), b(order, 2);
  events.schedule(a, 10);
  events.schedule(b, 15);
  events.schedule(a, 20);
  while (!events.empty()) events.fire_next();
  EXPECT_EQ(order, (std::vector<int>{2, 1}));
}

TEST(Events, OneThatIsDestroyedDoesNotFire) {
  Events events;
  std::vector<int> order;
  Noted a(order, 1);
  auto b = std::make_unique<Noted>(order, 2);
  events.schedule(*b, 5);
  events.schedule(a, 10);
  b.reset();
  while (!events.empty()) events.fire_next();
  EXPECT_EQ(order, (std::vector<int>{1}));
}

// Against a sorted list, with removals from the middle of the heap.
TEST(Events, AgreeWithASortedList) {
  for (uint64_t seed = 1; seed < 200; ++seed) {
    Prng prng(seed);
    Events events;
    std::vector<int> order;
    std::vector<std::unique_ptr<Noted>> all;
    std::vector<std::pair<uint64_t, int>> expected;
    for (int i = 0; i < 40; ++i) {
      all.push_back(std::make_unique<Noted>(order, i));
      uint64_t time = prng.below(20);
      events.schedule(*all.back(), time);
      expected.emplace_back(time, i);
    }
    for (int i = 0; i < 10; ++i) {
      auto victim = static_cast<int>(prng.below(40));
      all[static_cast<size_t>(victim)]->cancel();
      std::erase_if(expected, [victim](const auto& each) { return each.second == victim; });
    }
    std::sort(expected.begin(), expected.end());  // Scheduled in the order of their names.
    while (!events.empty()) events.fire_next();
    std::vector<int> names;
    for (const auto& [time, name] : expected) names.push_back(name);
    EXPECT_EQ(order, names);
  }
}

}  // namespace
}  // namespace gatio::fakes
