// `gatio run SCENARIO --on fake`: the table and the JSON of a real run, counters that repeat to the
// digit, and a sentence for what the fake does not model.
#include "harness/fake_runner.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "harness/exit_code.hpp"
#include "harness/run_command.hpp"
#include "harness/simulation/simulation.hpp"

namespace gatio::harness {
namespace {

using nlohmann::json;

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
  json results;
};

Outcome run_scenario(const std::string& scenario, uint64_t seed) {
  RunOptions options;
  options.scenario = scenario;
  options.on = "fake";
  options.quick = true;
  options.topology = "numa:2 core:8 pu:2";
  options.seed = std::to_string(seed);
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

// The same for a scenario of the server `hello`, one mix and one connection, with this expectation.
Outcome run_expecting(const std::string& expectation) {
  std::string path = testing::TempDir() + "/gatio-expect-" + std::to_string(getpid()) + ".toml";
  std::ofstream(path) << "name = \"hello\"\nserver = \"hello\"\nmixes = [\"1both\"]\n"
                         "connections = [1]\nseconds = 1\nexpect = { "
                      << expectation << " }\n";
  Outcome outcome = run_scenario(path, 1);
  std::filesystem::remove(path);
  return outcome;
}

Outcome run_static(uint64_t seed) {
  return run_scenario("scenarios/static.toml", seed);
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

// With one connection in a closed loop nothing is left to chance, and start and drain are not in
// it: these are the figures of a real run (ci/quick.py compares), but for its start and drain.
TEST(FakeRunner, OneConnectionCostsWhatItCostsOnLinux) {
  Outcome outcome = run_static(1);
  ASSERT_EQ(outcome.code, kFine) << outcome.err;
  struct Cost {
    double enters, sqes, cqes, handoffs;
  };
  const std::map<std::string, Cost> expected = {
      {"static/mix:1both/conns:1", {2, 1, 2, 0}},
      {"static/mix:2both/conns:1", {2, 1, 2, 0}},
      {"static/mix:1io+1exec/conns:1", {4, 3, 4, 2}},
  };
  size_t seen = 0;
  for (const json& each : outcome.results["benchmarks"]) {
    const auto cost = expected.find(each["run_name"].get<std::string>());
    if (cost == expected.end()) continue;
    ++seen;
    EXPECT_EQ(each["enters_per_req"], cost->second.enters) << each["name"];
    EXPECT_EQ(each["sqes_per_req"], cost->second.sqes) << each["name"];
    EXPECT_EQ(each["cqes_per_req"], cost->second.cqes) << each["name"];
    EXPECT_EQ(each["handoffs_per_req"], cost->second.handoffs) << each["name"];
    EXPECT_GT(each["allocs_per_req"], 0) << each["name"];
  }
  EXPECT_EQ(seen, expected.size());
}

// Asked at a given rate, a server that keeps up answers at that rate, and soon.
TEST(FakeRunner, AnOpenLoopAsksAtItsRate) {
  std::string path = testing::TempDir() + "/gatio-open-" + std::to_string(getpid()) + ".toml";
  for (const char* arrivals : {"poisson", "fixed"}) {
    std::ofstream(path) << "name = \"open\"\nserver = \"hello\"\nmixes = [\"2both\"]\n"
                           "connections = [200]\nseconds = 2\nload = { generator = \"open\", "
                           "rate = 50_000, arrivals = \""
                        << arrivals << "\" }\nexpect = { body = \"Hello, World!\" }\n";
    Outcome outcome = run_scenario(path, 1);
    ASSERT_EQ(outcome.code, kFine) << outcome.err;
    const json& entry = outcome.results["benchmarks"].at(0);
    EXPECT_NEAR(entry["items_per_second"].get<double>(), 50'000, 1'500) << arrivals;
    EXPECT_LT(entry["lat_p99_us"].get<double>(), 1'000) << arrivals;
    EXPECT_EQ(entry["errors"], 0) << arrivals;
    EXPECT_NE(outcome.results["context"]["generator"].get<std::string>().find(arrivals),
              std::string::npos);
  }
  std::filesystem::remove(path);
}

// `expect.status` was not looked at, so that 200 passed for 204.
TEST(FakeRunner, AStatusThatIsNotTheExpectedOneIsAFinding) {
  Outcome outcome = run_expecting("status = 204");
  EXPECT_EQ(outcome.code, kFinding) << outcome.err;
  EXPECT_NE(outcome.err.find("status 200 instead of 204"), std::string::npos) << outcome.err;
}

// No answer that could be counted came, and the run ended as one that was too short.
TEST(FakeRunner, AFindingIsOneWhereAllAnswersAreWrong) {
  Outcome outcome = run_expecting("body = \"Hallo\"");
  EXPECT_EQ(outcome.code, kFinding) << outcome.err;
  EXPECT_NE(outcome.err.find("a wrong answer: Hello, World!"), std::string::npos) << outcome.err;
}

Scenario scenario_of_one() {
  Scenario scenario;
  scenario.name = "planted";
  scenario.mixes = {"1both"};
  scenario.connections = {1};
  scenario.repetitions = 2;
  return scenario;
}

// Runs a handler of a test in the place of the scenario's server.
RunResult run_planted(FakeRunOptions& options, http::Handler handler) {
  const std::string machine = "numa:1 core:2 pu:1";
  Scenario scenario = scenario_of_one();
  options.topology = machine;
  options.planted = [&handler](Runtime& runtime) {
    runtime.add_handler("planted", handler);
    runtime.add_listener(config::ListenerConfig{.handler = "planted"});
  };
  Interrupt interrupt;
  return run_on_fake(scenario, make_plan(scenario, *load_topology(machine)), options, interrupt);
}

// As if the driver's wake-up had been lost.
Task<void> hang(const http::Request&, http::Response&) {
  fakes::Sleeper nobody_wakes;
  static_cast<void>(Simulation::current()->scheduler().sleep(nobody_wakes, fakes::Events::kNever));
  co_return;
}

// A run that came to no end ended as one that was too short, and what was found was not told. In
// a process of its own, which such a run leaves unfit for another one.
TEST(FakeRunnerDeathTest, AFindingIsOneWhereTheRunDoesNotEnd) {
  auto run = [] {
    FakeRunOptions options;
    RunResult result = run_planted(options, hang);
    for (const std::string& finding : result.findings) fprintf(stderr, "%s\n", finding.c_str());
    _exit(result.failed ? kBadInput : kFinding);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(kFinding),
              "planted/mix:1both/conns:1: no byte came for 10 s.*S1: nobody can go on");
}

// A pass was always run to its end, however long it took.
TEST(FakeRunner, ADeadlineEndsAPass) {
  FakeRunOptions options;
  RunResult result = run_planted(
      options, [&options](const http::Request&, http::Response& response) -> Task<void> {
        options.deadline.at = Deadline::Clock::now();
        response.body("Hello");
        co_return;
      });
  EXPECT_TRUE(result.out_of_time);
  EXPECT_TRUE(result.measurements.empty());
  EXPECT_TRUE(result.findings.empty()) << result.findings[0];
}

// The same.
TEST(FakeRunnerDeathTest, CtrlCEndsAPass) {
  auto run = [] {
    FakeRunOptions options;
    RunResult result =
        run_planted(options, [](const http::Request&, http::Response& response) -> Task<void> {
          raise(SIGINT);  // blocked, so that it stays for whoever looks
          response.body("Hello");
          co_return;
        });
    _exit(result.interrupted && result.measurements.empty() ? kInterrupted : kFine);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(kInterrupted), "");
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
