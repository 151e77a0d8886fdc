#include "harness/summary.hpp"

#include <gtest/gtest.h>

#include "runtime/tpc/layout.hpp"

namespace gatio::harness {
namespace {

// A machine with these CPUs, one a core.
Topology machine(const std::vector<unsigned>& cpus) {
  return *cut(*load_topology("numa:1 core:10 pu:1"), cpus);
}

Measurement measurement(size_t arm, unsigned repetition, uint64_t cpu_ns_per_request) {
  Measurement m;
  m.arm = arm;
  m.repetition = repetition;
  m.load.requests = 1000;
  m.load.duration_ns = 1'000'000'000;
  m.server_cpu_ns = cpu_ns_per_request * 1000;
  return m;
}

struct Case {
  Scenario scenario;
  Plan plan;
  Case() {
    scenario.name = "static";
    scenario.mixes = {"1both"};
    scenario.connections = {64};
    scenario.targets = {{"floor", {"floor"}, {}}};
    plan = make_plan(scenario, machine({0}));
  }
};

TEST(Summary, ARatioIsTheMedianOfPairsNotTheRatioOfMedians) {
  // The machine became twice as slow after the first repetition; the pairs do not care.
  const std::vector<Measurement> runs{measurement(0, 0, 110), measurement(1, 0, 100),
                                      measurement(0, 1, 220), measurement(1, 1, 200),
                                      measurement(0, 2, 1000)};
  EXPECT_DOUBLE_EQ(paired_cpu_ratio(runs, 0, 1)->median, 1.1);
}

TEST(Summary, ARatioTellsItsSpreadAndItsPairs) {
  std::vector<Measurement> runs;
  for (unsigned i = 0; i < 5; ++i) {
    runs.push_back(measurement(0, i, 80 + 10 * i));
    runs.push_back(measurement(1, i, 100));
  }
  const auto ratio = paired_cpu_ratio(runs, 0, 1);
  ASSERT_TRUE(ratio);
  EXPECT_DOUBLE_EQ(ratio->spread, 0.1);
  EXPECT_EQ(ratio->pairs, 5U);
  EXPECT_NE(render_table(Case().scenario, Case().plan, runs).find("1.00 ±10% (5)"),
            std::string::npos);
}

TEST(Summary, AnArmIsPutInRelationToTheFloorUnderTheSameLoad) {
  Case c;
  c.scenario.connections = {1, 64};
  c.plan = make_plan(c.scenario, machine({0}));
  const auto references = references_of(c.plan, 0);
  ASSERT_EQ(references.size(), 1U);
  EXPECT_EQ(c.plan.arms[references[0]].name, "static/target:floor/conns:1");
  EXPECT_TRUE(references_of(c.plan, references[0]).empty());
}

TEST(Summary, WithoutAPairThereIsNoRatio) {
  EXPECT_FALSE(paired_cpu_ratio({measurement(0, 0, 1), measurement(1, 1, 1)}, 0, 1));
}

TEST(Summary, CountersPerRequestComeFromTheServersOwnCount) {
  Case c;
  Measurement run = measurement(0, 0, 100);
  run.server = ServerMetrics{500, 0, 1, {DriverMetrics{}, DriverMetrics{}}};
  run.server->drivers[0].enters = 100;
  run.server->drivers[1].enters = 150;
  const auto summaries = summarize(c.plan, {run});
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_DOUBLE_EQ(summaries[0].enters_per_request.value(), 0.5);
}

TEST(Summary, AServerThatTellsNothingHasNoCounters) {
  Case c;
  EXPECT_FALSE(summarize(c.plan, {measurement(0, 0, 100)})[0].enters_per_request);
}

TEST(Table, RanksByCpuPerRequest) {
  Case c;
  const std::string table =
      render_table(c.scenario, c.plan, {measurement(0, 0, 120), measurement(1, 0, 100)});
  const size_t floor = table.find("\n  floor");
  const size_t mix = table.find("\n  1both");
  ASSERT_NE(floor, std::string::npos) << table;
  ASSERT_NE(mix, std::string::npos) << table;
  EXPECT_LT(floor, mix);
  EXPECT_NE(table.find("1.20"), std::string::npos) << table;
}

TEST(Table, MarksWhatTheGeneratorBounded) {
  Case c;
  Measurement run = measurement(0, 0, 100);
  run.generator_bound = true;
  EXPECT_NE(render_table(c.scenario, c.plan, {run}).find("generator_bound"), std::string::npos);
  EXPECT_EQ(render_table(c.scenario, c.plan, {measurement(0, 0, 100)}).find("generator_bound"),
            std::string::npos);
}

TEST(Table, OfNothingIsEmpty) {
  Case c;
  EXPECT_EQ(render_table(c.scenario, c.plan, {}), "");
}

}  // namespace
}  // namespace gatio::harness
