#include "harness/results_json.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/tpc/layout.hpp"

namespace gatio::harness {
namespace {

// A machine with these CPUs, one a core.
Topology machine(const std::vector<unsigned>& cpus) {
  return *cut(*load_topology("numa:1 core:10 pu:1"), cpus);
}

using nlohmann::json;

struct Case {
  Scenario scenario;
  Plan plan;
  Context context;
  Measurement run;

  Case() {
    scenario.name = "static";
    scenario.mixes = {"1io+1exec"};
    scenario.connections = {64};
    scenario.targets = {{"floor", {"floor"}, {}}};
    plan = make_plan(scenario, machine({0, 1}));
    context.seed = 7;
    run.repetition = 2;
    run.load.requests = 1000;
    run.load.duration_ns = 2'000'000;
    run.load.bytes = 115'000;
    run.load.timeouts = 3;
    run.server_cpu_ns = 1'000'000;
    run.generator_cpus = {0, 1};
    run.shared = true;
  }

  [[nodiscard]] json parsed() const {
    return json::parse(results_json(scenario, plan, context, {run}));
  }
};

TEST(ResultsJson, HasWhatGoogleBenchmarksToolsRead) {
  const json whole = Case().parsed();
  ASSERT_TRUE(whole["context"].is_object());
  const json entry = whole["benchmarks"].at(0);
  EXPECT_EQ(entry["name"], "static/mix:1io+1exec/conns:64");
  EXPECT_EQ(entry["run_name"], "static/mix:1io+1exec/conns:64");
  EXPECT_EQ(entry["run_type"], "iteration");
  EXPECT_EQ(entry["repetitions"], 15);
  EXPECT_EQ(entry["repetition_index"], 2);
  EXPECT_EQ(entry["threads"], 2);
  EXPECT_EQ(entry["iterations"], 1000);
  EXPECT_EQ(entry["time_unit"], "ns");
  EXPECT_DOUBLE_EQ(entry["real_time"], 2000);
  EXPECT_DOUBLE_EQ(entry["cpu_time"], 1000);
  EXPECT_DOUBLE_EQ(entry["items_per_second"], 500'000);
  EXPECT_EQ(entry["errors"], 3);
}

TEST(ResultsJson, SaysUnderWhichCircumstances) {
  const json entry = Case().parsed()["benchmarks"].at(0);
  EXPECT_EQ(entry["gatio"]["cpus"], (std::vector<unsigned>{0, 1}));
  EXPECT_EQ(entry["gatio"]["shared"], true);
  EXPECT_TRUE(entry["gatio"]["pressure"].is_object());
  for (const char* key : {"order", "generator_cpu_ns", "generator_cpus"})
    EXPECT_TRUE(entry["gatio"].contains(key)) << key;
}

TEST(ResultsJson, TheContextSaysWhatWasMeasured) {
  const json context = Case().parsed()["context"];
  EXPECT_EQ(context["seed"], 7);
  for (const char* key : {"date", "num_cpus", "executable", "revision", "binaries", "kernel",
                          "topology", "generator", "cpu_model", "build_type"}) {
    EXPECT_TRUE(context.contains(key)) << key;
  }
}

TEST(ResultsJson, TheBuildIsCalledWhatItIs) {
  Case c;
  c.context.build_type = "Debug";
  EXPECT_EQ(c.parsed()["context"]["library_build_type"], "debug");
  c.context.build_type = "RelWithDebInfo";
  EXPECT_EQ(c.parsed()["context"]["library_build_type"], "release");
}

TEST(ResultsJson, RatiosComeWithSpreadAndPairs) {
  Case c;
  Measurement floor = c.run;
  floor.arm = 1;
  floor.server_cpu_ns = c.run.server_cpu_ns / 2;
  const json whole = json::parse(results_json(c.scenario, c.plan, c.context, {c.run, floor}));
  const json ratios = whole["context"]["paired_ratios"];
  ASSERT_EQ(ratios.size(), 1U);
  EXPECT_EQ(ratios[0]["reference"], "static/target:floor/conns:64");
  EXPECT_DOUBLE_EQ(ratios[0]["cpu_time_ratio"], 2);
  EXPECT_EQ(ratios[0]["spread"], 0);
  EXPECT_EQ(ratios[0]["pairs"], 1);
}

TEST(ResultsJson, NamesNoFolderOfThisMachine) {
  Case c;
  c.plan.skipped = {"1both: the server ended: /some/where/hello: io_uring is disabled"};
  EXPECT_EQ(c.parsed()["context"]["skipped"][0],
            "1both: the server ended: hello: io_uring is disabled");
}

TEST(ResultsJson, WhatWasNotMeasuredIsAbsent) {
  const json entry = Case().parsed()["benchmarks"].at(0);
  for (const char* key : {"enters_per_req", "handoffs_per_req", "cqe_per_enter", "cq_overflow",
                          "enobufs", "imbalance", "lat_p50_us", "lat_p99_us", "numa_remote"}) {
    EXPECT_FALSE(entry.contains(key)) << key;
  }
  EXPECT_FALSE(entry["gatio"].contains("drivers"));
  EXPECT_FALSE(entry["gatio"]["pressure"].contains("cpu_some_percent"));
}

TEST(ResultsJson, TheDriversCountersAreSummedAndListed) {
  Case c;
  c.run.server = ServerMetrics{1000, 0, 64, {DriverMetrics{}, DriverMetrics{}}};
  c.run.server->drivers[0].role = config::Role::io;
  c.run.server->drivers[0].requests = 1000;
  c.run.server->drivers[0].enters = 400;
  c.run.server->drivers[0].cqes = 2000;
  c.run.server->drivers[0].handoffs = 1000;
  c.run.server->drivers[1].role = config::Role::exec;
  c.run.server->drivers[1].enters = 100;
  c.run.server->drivers[1].tasks = 1000;
  c.run.server->drivers[1].spin_ns = 17;
  const json entry = c.parsed()["benchmarks"].at(0);
  EXPECT_DOUBLE_EQ(entry["enters_per_req"], 0.5);
  EXPECT_DOUBLE_EQ(entry["cqe_per_enter"], 4);
  EXPECT_DOUBLE_EQ(entry["handoffs_per_req"], 1);
  EXPECT_DOUBLE_EQ(entry["imbalance"], 1);  // the exec driver receives nothing and does not count
  EXPECT_EQ(entry["cq_overflow"], 0);
  ASSERT_EQ(entry["gatio"]["drivers"].size(), 2U);
  EXPECT_EQ(entry["gatio"]["drivers"][1]["tasks"], 1000);
  EXPECT_EQ(entry["gatio"]["drivers"][1]["spin_ns"], 17);
}

TEST(ResultsJson, NoMeasurementsAreStillValid) {
  const Case c;
  EXPECT_TRUE(json::parse(results_json(c.scenario, c.plan, c.context, {}))["benchmarks"].empty());
}

TEST(ResultsJson, StrangeBytesDoNotBreakIt) {
  Case c;
  c.plan.skipped = {"\xff\xfe"};
  EXPECT_TRUE(c.parsed()["context"]["skipped"].is_array());
}

TEST(ResultsJson, AFileThatCannotBeWrittenIsNamed) {
  const auto written = write_results("/nowhere/at/all.json", "{}");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().text.find("/nowhere/at/all.json"), std::string::npos);
}

TEST(ResultsJson, WritingReplacesTheWholeFile) {
  const std::string path =
      testing::TempDir() + "/gatio-results-" + std::to_string(getpid()) + ".json";
  ASSERT_TRUE(write_results(path, "a long first text"));
  ASSERT_TRUE(write_results(path, "{}"));
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "{}");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace gatio::harness
