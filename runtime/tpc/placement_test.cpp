#include "runtime/tpc/placement.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace gatio {
namespace {

constexpr std::array kPolicies = {Policy::best, Policy::least_work, Policy::affinity,
                                  Policy::round_robin, Policy::two_choices};

// A snapshot of unique indices in any order. The amounts are of the size of the distances, so that
// both count, and now and then at the end of the range.
rc::Gen<std::vector<DriverLoad>> any_loads() {
  return rc::gen::exec([] {
    auto indices = *rc::gen::unique<std::vector<unsigned>>(rc::gen::inRange(0u, 20u));
    std::vector<DriverLoad> loads;
    for (unsigned index : indices) {
      DriverLoad load;
      load.index = index;
      load.executes = *rc::gen::weightedElement<bool>({{3, true}, {1, false}});
      load.parked = *rc::gen::arbitrary<bool>();
      for (uint64_t& each : load.queued_ns) {
        each = *rc::gen::weightedOneOf<uint64_t>({{4, rc::gen::just<uint64_t>(0)},
                                                  {8, rc::gen::inRange<uint64_t>(0, 1000)},
                                                  {4, rc::gen::inRange<uint64_t>(0, 40'000)},
                                                  {1, rc::gen::just<uint64_t>(UINT64_MAX)}});
      }
      load.queued_tasks = *rc::gen::inRange(0u, 3u);
      load.node = *rc::gen::inRange(0u, 2u);
      load.l3 = load.node * 2 + *rc::gen::inRange(0u, 2u);
      load.core = load.l3 % 2 * 2 + *rc::gen::inRange(0u, 2u);
      loads.push_back(load);
    }
    return loads;
  });
}

rc::Gen<Hints> any_hints() {
  return rc::gen::exec([] {
    Hints hints;
    hints.priority = *rc::gen::element(Priority::high, Priority::normal, Priority::low);
    if (*rc::gen::arbitrary<bool>()) hints.from_driver = *rc::gen::inRange(0u, 22u);
    return hints;
  });
}

bool any_executes(const std::vector<DriverLoad>& loads) {
  return std::ranges::any_of(loads, &DriverLoad::executes);
}

const DriverLoad& load_of(const std::vector<DriverLoad>& loads, unsigned index) {
  return *std::ranges::find(loads, index, &DriverLoad::index);
}

// The test's own idea of the wait, written in another way than the code's: in 128 bits, then cut.
uint64_t wait_of(const DriverLoad& load, Priority lowest) {
  unsigned __int128 sum = 0;
  for (size_t i = 0; i <= static_cast<size_t>(lowest); ++i) sum += load.queued_ns[i];
  return sum > UINT64_MAX ? UINT64_MAX : static_cast<uint64_t>(sum);
}

// Its own idea of the distance: what two drivers share, from the closest outward.
uint64_t distance_of(const std::vector<DriverLoad>& loads, const DriverLoad& to,
                     const Hints& hints) {
  uint64_t wake = to.parked ? kWakeUpNs : 0;
  if (!hints.from_driver) return wake;
  auto from = std::ranges::find(loads, *hints.from_driver, &DriverLoad::index);
  if (from == loads.end()) return wake + kOtherNodeNs;
  bool same_node = from->node == to.node;
  bool same_l3 = same_node && from->l3 == to.l3;
  bool same_core = same_node && from->core == to.core;
  bool itself = from->index == to.index;
  return wake + (itself      ? 0
                 : same_core ? kSameCoreNs
                 : same_l3   ? kSameL3Ns
                 : same_node ? kSameNodeNs
                             : kOtherNodeNs);
}

// `a` is nowhere worse than `b` and somewhere better, over the two parts of a measure.
bool dominates(std::pair<uint64_t, uint64_t> a, std::pair<uint64_t, uint64_t> b) {
  return a.first <= b.first && a.second <= b.second && a != b;
}

RC_GTEST_PROP(Placement, EveryPolicyReturnsADriverThatMayExecuteOrSaysThatThereIsNone, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  for (Policy policy : kPolicies) {
    Placement placement(policy, *rc::gen::arbitrary<uint64_t>());
    for (int i = 0; i < 5; ++i) {
      Result<unsigned> chosen = placement.choose(loads, hints);
      RC_ASSERT(chosen.has_value() == any_executes(loads));
      if (chosen) RC_ASSERT(load_of(loads, *chosen).executes);
    }
  }
}

RC_GTEST_PROP(Placement, BestIsNeverDominatedInWaitAndDistance, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(any_executes(loads));
  const DriverLoad& chosen = load_of(loads, *Placement(Policy::best).choose(loads, hints));
  auto measure = [&](const DriverLoad& load) {
    return std::pair(wait_of(load, hints.priority), distance_of(loads, load, hints));
  };
  for (const DriverLoad& each : loads) {
    if (each.executes) RC_ASSERT(!dominates(measure(each), measure(chosen)));
  }
}

RC_GTEST_PROP(Placement, BestStartsTheTaskSoonest, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(any_executes(loads));
  const DriverLoad& chosen = load_of(loads, *Placement(Policy::best).choose(loads, hints));
  auto start = [&](const DriverLoad& load) {
    return static_cast<unsigned __int128>(wait_of(load, hints.priority)) +
           distance_of(loads, load, hints);
  };
  for (const DriverLoad& each : loads) {
    // Beyond 2^64 ns all are equally late.
    if (each.executes && start(each) < UINT64_MAX) RC_ASSERT(start(chosen) <= start(each));
  }
}

RC_GTEST_PROP(Placement, LeastWorkIsNeverDominatedInWorkAndTasks, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(any_executes(loads));
  const DriverLoad& chosen = load_of(loads, *Placement(Policy::least_work).choose(loads, hints));
  for (const DriverLoad& each : loads) {
    if (!each.executes) continue;
    RC_ASSERT(!dominates({wait_of(each, Priority::low), each.queued_tasks},
                         {wait_of(chosen, Priority::low), chosen.queued_tasks}));
    RC_ASSERT(wait_of(chosen, Priority::low) <= wait_of(each, Priority::low));
  }
}

RC_GTEST_PROP(Placement, AffinityIsNearestAndThenLeastWaiting, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(any_executes(loads));
  const DriverLoad& chosen = load_of(loads, *Placement(Policy::affinity).choose(loads, hints));
  auto key = [&](const DriverLoad& load) {
    return std::pair(distance_of(loads, load, hints), wait_of(load, hints.priority));
  };
  for (const DriverLoad& each : loads) {
    if (each.executes) RC_ASSERT(key(chosen) <= key(each));
  }
}

RC_GTEST_PROP(Placement, RoundRobinVisitsEachExecutingDriverOnceARound, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  auto count = static_cast<size_t>(std::ranges::count_if(loads, &DriverLoad::executes));
  RC_PRE(count > 0);
  Placement placement(Policy::round_robin);
  for (int round = 0; round < 3; ++round) {
    std::vector<unsigned> visited;
    for (size_t i = 0; i < count; ++i) visited.push_back(*placement.choose(loads, hints));
    RC_ASSERT(std::ranges::is_sorted(visited, std::less_equal<>()));
  }
}

RC_GTEST_PROP(Placement, TwoChoicesNeverTakesTheOneThatWaitsLongerThanAllOthers, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(std::ranges::count_if(loads, &DriverLoad::executes) >= 2);
  Placement placement(Policy::two_choices, *rc::gen::arbitrary<uint64_t>());
  const DriverLoad& chosen = load_of(loads, *placement.choose(loads, hints));
  uint64_t longest_other = 0;
  for (const DriverLoad& each : loads) {
    if (!each.executes || each.index == chosen.index) continue;
    longest_other = std::max(longest_other, wait_of(each, hints.priority));
  }
  RC_ASSERT(wait_of(chosen, hints.priority) <= longest_other);
}

RC_GTEST_PROP(Placement, TheOrderOfTheSnapshotDoesNotMatter, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(any_executes(loads));
  auto shuffled = loads;
  Prng prng(*rc::gen::arbitrary<uint64_t>());
  for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[prng.below(i)]);
  for (Policy policy : kPolicies) {
    Placement one(policy, 7);
    Placement other(policy, 7);
    for (int i = 0; i < 5; ++i) {
      RC_ASSERT(*one.choose(loads, hints) == *other.choose(shuffled, hints));
    }
  }
}

RC_GTEST_PROP(Placement, ExplainTakesTheDecisionOfChoose, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(any_executes(loads));
  for (Policy policy : kPolicies) {
    Placement chooser(policy, 3);
    Placement explainer(policy, 3);
    for (int i = 0; i < 5; ++i) {
      Result<Decision> decision = explainer.explain(loads, hints);
      RC_ASSERT(decision->driver == *chooser.choose(loads, hints));
    }
  }
}

RC_GTEST_PROP(Placement, ExplainScoresEveryExecutingDriverAsItsPolicyMeasures, ()) {
  auto loads = *any_loads();
  auto hints = *any_hints();
  RC_PRE(any_executes(loads));
  for (Policy policy : {Policy::best, Policy::least_work, Policy::affinity}) {
    Decision decision = *Placement(policy).explain(loads, hints);
    std::set<unsigned> named;
    uint64_t smallest = UINT64_MAX;
    for (const Candidate& each : decision.candidates) {
      const DriverLoad& load = load_of(loads, each.driver);
      RC_ASSERT(load.executes && named.insert(each.driver).second);
      RC_ASSERT(each.wait_ns == wait_of(load, hints.priority));
      RC_ASSERT(each.distance_ns == distance_of(loads, load, hints));
      smallest = std::min(smallest, each.score_ns);
    }
    RC_ASSERT(static_cast<long>(named.size()) ==
              std::ranges::count_if(loads, &DriverLoad::executes));
    auto chosen = std::ranges::find(decision.candidates, decision.driver, &Candidate::driver);
    RC_ASSERT(chosen->score_ns == smallest);
  }
}

std::vector<DriverLoad> idle_drivers(unsigned count) {
  std::vector<DriverLoad> loads(count);
  for (unsigned i = 0; i < count; ++i)
    loads[i] = {.index = i, .executes = true, .core = i, .pu = i};
  return loads;
}

TEST(Placement, TwoChoicesDrawsAllPairsEquallyOften) {
  auto loads = idle_drivers(4);
  // The waits rank the drivers: of a pair the lower index wins, so 3, 2, 1 and 0 of 6 pairs.
  for (unsigned i = 0; i < 4; ++i) loads[i].queued_ns[0] = i * 1000;
  Placement placement(Policy::two_choices, 1);
  std::map<unsigned, int> counts;
  for (int i = 0; i < 6000; ++i) ++counts[*placement.choose(loads, {})];
  EXPECT_NEAR(counts[0], 3000, 200);
  EXPECT_NEAR(counts[1], 2000, 200);
  EXPECT_NEAR(counts[2], 1000, 200);
  EXPECT_EQ(counts[3], 0);
}

TEST(Placement, BestStaysWithARunningDriverRatherThanWakeAnotherForAShortQueue) {
  auto loads = idle_drivers(2);
  loads[0].queued_ns[1] = 5'000;
  loads[1].parked = true;
  EXPECT_EQ(*Placement(Policy::best).choose(loads, {.from_driver = 0}), 0u);
}

TEST(Placement, BestWakesAParkedDriverWhenTheQueueIsLongerThanTheWakeUp) {
  auto loads = idle_drivers(2);
  loads[0].queued_ns[1] = 25'000;
  loads[1].parked = true;
  EXPECT_EQ(*Placement(Policy::best).choose(loads, {.from_driver = 0}), 1u);
}

TEST(Placement, WorkOfLowerPriorityDoesNotKeepAnUrgentTaskAway) {
  auto loads = idle_drivers(2);
  loads[0].queued_ns[2] = 1'000'000;
  loads[1].queued_ns[0] = 1'000;
  EXPECT_EQ(*Placement(Policy::best).choose(loads, {.priority = Priority::high}), 0u);
}

TEST(Placement, BestPrefersTheNearerOfTwoThatStartTheTaskAtTheSameTime) {
  auto loads = idle_drivers(3);
  loads[0].queued_ns[0] = kSameNodeNs - kSameL3Ns;
  loads[1].l3 = 1;  // idle, but so much further away
  loads[2].executes = false;
  EXPECT_EQ(*Placement(Policy::best).choose(loads, {.from_driver = 2}), 0u);
  std::swap(loads[0].l3, loads[1].l3);
  std::swap(loads[0].queued_ns, loads[1].queued_ns);
  EXPECT_EQ(*Placement(Policy::best).choose(loads, {.from_driver = 2}), 1u);
}

TEST(Placement, LeastWorkPrefersFewerTasksOfTheSameWork) {
  auto loads = idle_drivers(2);
  loads[0].queued_tasks = 2;
  loads[1].queued_tasks = 1;
  EXPECT_EQ(*Placement(Policy::least_work).choose(loads, {}), 1u);
}

TEST(Placement, TiesGoToTheLowestIndex) {
  EXPECT_EQ(*Placement(Policy::best).choose(idle_drivers(3), {}), 0u);
}

TEST(Placement, AnIoDriverNearbyIsNoCandidate) {
  auto loads = idle_drivers(2);
  loads[0].executes = false;
  EXPECT_EQ(*Placement(Policy::affinity).choose(loads, {.from_driver = 0}), 1u);
}

TEST(Placement, WithoutAnExecutingDriverTheErrorSaysWhatToDo) {
  auto loads = idle_drivers(1);
  loads[0].executes = false;
  EXPECT_EQ(Placement(Policy::best).choose(loads, {}).error().text,
            "no driver of this TPC may execute tasks; give it an exec or both driver");
}

TEST(Placement, EachPolicyIsParsedFromItsName) {
  for (Policy policy : kPolicies) EXPECT_EQ(*parse_policy(name_of(policy)), policy);
}

TEST(Placement, AnUnknownNameIsAnErrorThatListsTheNames) {
  EXPECT_EQ(parse_policy("fastest").error().text,
            "placement \"fastest\" is unknown; use one of best least_work affinity round_robin "
            "two_choices");
}

}  // namespace
}  // namespace gatio
