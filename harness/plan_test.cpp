#include "harness/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "runtime/tpc/layout.hpp"

namespace gatio::harness {
namespace {

// A machine with these CPUs, one a core.
Topology machine(const std::vector<unsigned>& cpus) {
  return *cut(*load_topology("numa:1 core:10 pu:1"), cpus);
}

Scenario scenario() {
  Scenario scenario;
  scenario.name = "cpu";
  scenario.server = "spend";
  scenario.sweep = {{"work_ns", {0, 5000}}, {"heavy_ns", {7}}};
  scenario.mixes = {"1both", "1io+1exec", "8both"};
  scenario.connections = {1, 64};
  scenario.targets = {{"floor", {"{scenarios}/floor", "--port", "{port}"}, {}}};
  return scenario;
}

bool has_arm(const Plan& plan, const std::string& name) {
  return std::ranges::any_of(plan.arms, [&](const Arm& arm) { return arm.name == name; });
}

TEST(Plan, NamesArmsByPointMixAndConnections) {
  const Plan plan = make_plan(scenario(), machine({0, 1}));
  EXPECT_TRUE(has_arm(plan, "cpu/work_ns:5000/mix:1both/conns:64"));
  EXPECT_TRUE(has_arm(plan, "cpu/work_ns:0/mix:1io+1exec/conns:1"));
  EXPECT_TRUE(has_arm(plan, "cpu/target:floor/conns:64"));
  EXPECT_EQ(plan.arms.size(), 2U * 2 * 2 + 2);
}

TEST(Plan, ATargetThatTakesTheArgumentIsMeasuredAtEachPoint) {
  Scenario with = scenario();
  with.targets[0].command.emplace_back("--spin={work_ns}");
  EXPECT_TRUE(has_arm(make_plan(with, machine({0, 1})), "cpu/work_ns:5000/target:floor/conns:64"));
}

TEST(Plan, AMixThatIsTooBigIsSkippedByName) {
  const Plan plan = make_plan(scenario(), machine({0, 1}));
  ASSERT_EQ(plan.skipped.size(), 1U);
  EXPECT_NE(plan.skipped[0].find("8both"), std::string::npos);
}

TEST(Plan, AServerGetsTheFirstOfTheAllowedCpus) {
  const Plan plan = make_plan(scenario(), machine({3, 5, 9}));
  for (const ServerSpec& server : plan.servers) {
    const std::vector<unsigned> expected =
        server.label == "1io+1exec" ? std::vector<unsigned>{3, 5} : std::vector<unsigned>{3};
    EXPECT_EQ(server.cpus, expected) << server.label;
  }
}

TEST(Plan, EveryRepetitionIsAPermutationOfAllArms) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    for (std::vector<size_t> block : interleave({{0, 3}, {1, 2, 6}, {4, 5}}, 5, seed)) {
      std::vector<size_t> all(7);
      std::iota(all.begin(), all.end(), size_t{0});
      std::ranges::sort(block);
      EXPECT_EQ(block, all);
    }
  }
}

const std::vector<std::vector<size_t>> kGroups{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}};

TEST(Plan, ArmsThatAreComparedAreNeighboursInTime) {
  for (const std::vector<size_t>& block : interleave(kGroups, 200, 5)) {
    for (size_t i = 0; i < block.size(); i += 3) {
      EXPECT_EQ(block[i] / 3, block[i + 1] / 3);
      EXPECT_EQ(block[i] / 3, block[i + 2] / 3);
    }
  }
}

TEST(Plan, AGroupIsOnePointWithOneNumberOfConnections) {
  Scenario with = scenario();
  with.targets[0].command.emplace_back("--spin={work_ns}");
  const Plan plan = make_plan(with, machine({0, 1}));
  const auto groups = groups_of(plan);
  ASSERT_EQ(groups.size(), 4U);
  for (const std::vector<size_t>& group : groups) {
    EXPECT_EQ(group.size(), 3U);  // two mixes and the floor
    for (const size_t arm : group) {
      EXPECT_EQ(plan.arms[arm].connections, plan.arms[group[0]].connections);
      EXPECT_EQ(plan.servers[plan.arms[arm].server].point,
                plan.servers[plan.arms[group[0]].server].point);
    }
  }
}

TEST(Plan, TheSeedAloneSetsTheOrder) {
  EXPECT_EQ(interleave(kGroups, 4, 42), interleave(kGroups, 4, 42));
  EXPECT_NE(interleave(kGroups, 4, 42), interleave(kGroups, 4, 43));
}

TEST(Plan, RepetitionsDifferInTheirOrder) {
  const auto order = interleave(kGroups, 2, 1);
  EXPECT_NE(order[0], order[1]);
}

TEST(Plan, EveryArmComesFirstAboutEquallyOften) {
  constexpr size_t kArms = 4;
  std::vector<unsigned> first(kArms, 0);
  for (const auto& block : interleave({{0, 1}, {2, 3}}, 4000, 7)) ++first[block[0]];
  for (const unsigned times : first) EXPECT_NEAR(times, 1000, 150);  // five standard deviations
}

std::vector<unsigned> generator_beside(const char* topology, const std::string& mix, bool shared) {
  Scenario one = scenario();
  one.mixes = {mix};
  const Plan plan = make_plan(one, *load_topology(topology));
  const GeneratorPlace place = place_generator(plan, plan.servers.at(0));
  EXPECT_EQ(place.shared, shared);
  return place.cpus;
}

TEST(Plan, TheGeneratorKeepsAwayFromTheHyperThreadsOfTheServersCores) {
  EXPECT_EQ(generator_beside("numa:1 core:2 pu:2", "1both", false), (std::vector<unsigned>{2, 3}));
}

TEST(Plan, WithoutAFreeCoreTheGeneratorTakesTheOtherHyperThreads) {
  EXPECT_EQ(generator_beside("numa:1 core:2 pu:2", "2both", true), (std::vector<unsigned>{1, 3}));
}

TEST(Plan, WithoutAFreeCpuTheGeneratorRunsEverywhere) {
  EXPECT_EQ(generator_beside("numa:1 core:2 pu:1", "2both", true), (std::vector<unsigned>{0, 1}));
}

TEST(Plan, QuickFitsTheBudgetAndKeepsEveryMix) {
  Scenario quick = scenario();
  quick.sweep = {{"work_ns", {0, 1, 2, 5, 10, 50}}};
  quick.seconds = 60;
  quick.repetitions = 100;
  const auto left_out = shorten(quick, machine({0, 1}), 40);
  EXPECT_FALSE(left_out.empty());
  const Plan plan = make_plan(quick, machine({0, 1}));
  EXPECT_LE(plan.arms.size() * plan.repetitions * plan.seconds, 40U);
  for (const char* label : {"1both", "1io+1exec", "floor"}) {
    EXPECT_TRUE(std::ranges::any_of(plan.servers, [&](const ServerSpec& s) {
      return s.label == label;
    })) << label;
  }
  EXPECT_EQ(quick.connections, (std::vector<unsigned>{64}));
}

TEST(Plan, QuickKeepsTheEndsOfASweep) {
  Scenario quick = scenario();
  quick.sweep = {{"work_ns", {0, 1, 2, 5, 10, 50}}};
  shorten(quick, machine({0, 1}), 25);
  EXPECT_EQ(quick.sweep[0].values.front(), 0);
  EXPECT_EQ(quick.sweep[0].values.back(), 50);
}

TEST(Plan, QuickDoesNotMakeAShortScenarioLonger) {
  Scenario quick = scenario();
  quick.repetitions = 1;
  EXPECT_TRUE(shorten(quick, machine({0, 1}), 1000).empty());
  EXPECT_EQ(quick.repetitions, 1U);
}

TEST(Plan, ASweepIsEveryCombination) {
  const auto points = sweep_points({{"a", {1, 2}}, {"b", {3, 4, 5}}});
  EXPECT_EQ(points.size(), 6U);
  EXPECT_EQ(points.back(), (Arguments{{"a", 2}, {"b", 5}}));
}

}  // namespace
}  // namespace gatio::harness
