// `gatio run SCENARIO --on fake`: the table and the JSON of a real run, counters that repeat to the
// digit, and a sentence for what the fake does not model.
#include "harness/fake_runner.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/exit_code.hpp"
#include "harness/run_command.hpp"

namespace gatio::harness {
namespace {

using nlohmann::json;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
  json results;
};

Outcome run_static(uint64_t seed) {
  RunOptions options;
  options.scenario = "scenarios/static.toml";
  options.on = "fake";
  options.quick = true;
  options.topology = "numa:2 core:8 pu:2";
  options.seed = seed;
  options.out = testing::TempDir() + "/gatio-fake-" + std::to_string(getpid()) + ".json";
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Outcome outcome;
  outcome.code = run_command(options);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  std::ifstream file(options.out);
  outcome.results = json::parse(file, nullptr, false);
  std::filesystem::remove(options.out);
  return outcome;
}

// It did not end where a driver had nothing to wait for but its timers: where each driver has a
// clock of its own, a wait never said that its time had passed.
TEST(FakeRunner, RunsAScenarioOnAMachineOfAnyShape) {
  Outcome outcome = run_static(1);
  ASSERT_EQ(outcome.code, kFine) << outcome.err;
  for (const char* mix : {"1both", "1io+1exec", "2both"})
    EXPECT_NE(outcome.out.find(mix), std::string::npos) << outcome.out;
  ASSERT_TRUE(outcome.results.is_object());
  EXPECT_EQ(outcome.results["context"]["kernel"], "fake");
  ASSERT_EQ(outcome.results["benchmarks"].size(), 6u);
  for (const json& each : outcome.results["benchmarks"]) {
    EXPECT_GT(each["items_per_second"].get<double>(), 0) << each["name"];
    EXPECT_GT(each["enters_per_req"].get<double>(), 0) << each["name"];
  }
}

TEST(FakeRunner, CountersRepeatToTheDigit) {
  Outcome first = run_static(3);
  Outcome again = run_static(3);
  ASSERT_EQ(first.code, kFine) << first.err;
  ASSERT_EQ(again.code, kFine) << again.err;
  EXPECT_EQ(first.results["benchmarks"], again.results["benchmarks"]);
}

TEST(FakeRunner, SaysWhatTheFakeDoesNotModel) {
  Scenario scenario;
  scenario.file = "s.toml";
  Result<void> none = can_run_on_fake(scenario);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message().find("no server of ours"), std::string::npos);
  scenario.server = "unheard-of";
  Result<void> unknown = can_run_on_fake(scenario);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("cannot run 'unheard-of'"), std::string::npos);
  scenario.server = "hello";
  EXPECT_TRUE(can_run_on_fake(scenario));
}

}  // namespace
}  // namespace gatio::harness
