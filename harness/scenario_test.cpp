#include "harness/scenario.hpp"

#include <errno.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace gatio::harness {
namespace {

const std::string kWhole = R"(name = "cpu"
server = "spend"
sweep = { work_ns = [0, 5000] }
mixes = ["1both", "1io+*exec"]
connections = [1, 64]
repetitions = 9
seconds = 3
load = { generator = "wrk", threads = 2, path = "/x", pipeline = 16 }
expect = { status = 201, body = "Hello" }
[[target]]
name = "nginx"
command = ["nginx", "-c", "{dir}/nginx.conf"]
files = ["nginx.conf"]
)";

std::string error_of(const std::string& text) {
  const auto scenario = parse_scenario(text, "s.toml");
  return scenario ? "" : scenario.error().text;
}

// The whole example with one line exchanged.
std::string error_with(const std::string& line, const std::string& instead) {
  std::string text = kWhole;
  text.replace(text.find(line), line.size(), instead);
  return error_of(text);
}

TEST(Scenario, EveryKeyArrives) {
  const auto scenario = parse_scenario(kWhole, "s.toml");
  ASSERT_TRUE(scenario) << scenario.error().text;
  EXPECT_EQ(scenario->name, "cpu");
  EXPECT_EQ(scenario->server, "spend");
  ASSERT_EQ(scenario->sweep.size(), 1U);
  EXPECT_EQ(scenario->sweep[0].argument, "work_ns");
  EXPECT_EQ(scenario->sweep[0].values, (std::vector<int64_t>{0, 5000}));
  EXPECT_EQ(scenario->mixes, (std::vector<std::string>{"1both", "1io+*exec"}));
  EXPECT_EQ(scenario->connections, (std::vector<unsigned>{1, 64}));
  EXPECT_EQ(scenario->repetitions, 9U);
  EXPECT_EQ(scenario->seconds, 3U);
  EXPECT_EQ(scenario->load.threads, 2U);
  EXPECT_EQ(scenario->load.path, "/x");
  EXPECT_EQ(scenario->load.pipeline, 16U);
  EXPECT_EQ(scenario->expect.status, 201U);
  EXPECT_EQ(scenario->expect.body, "Hello");
  ASSERT_EQ(scenario->targets.size(), 1U);
  EXPECT_EQ(scenario->targets[0].name, "nginx");
  EXPECT_EQ(scenario->targets[0].command.size(), 3U);
  EXPECT_EQ(scenario->targets[0].files, (std::vector<std::string>{"nginx.conf"}));
}

TEST(Scenario, ABodyThatIsNotExpectedIsNotCompared) {
  const auto scenario =
      parse_scenario("name=\"a\"\nserver=\"b\"\nmixes=[\"1both\"]\nconnections=[1]\n", "s.toml");
  ASSERT_TRUE(scenario);
  EXPECT_FALSE(scenario->expect.body);
}

struct Bad {
  std::string line;
  std::string instead;
  std::string place;  // what the sentence begins with
};

class BadScenario : public testing::TestWithParam<Bad> {};

TEST_P(BadScenario, IsRefusedWithItsPlace) {
  const std::string error = error_with(GetParam().line, GetParam().instead);
  EXPECT_TRUE(error.starts_with(GetParam().place)) << error;
}

INSTANTIATE_TEST_SUITE_P(
    All, BadScenario,
    testing::Values(
        Bad{"seconds = 3", "secnds = 3", "s.toml:7: secnds: unknown; did you mean 'seconds'?"},
        Bad{"seconds = 3", "seconds = \"3\"",
            "s.toml:7: seconds: must be a whole number from 1 to 3600"},
        Bad{"seconds = 3", "seconds = 0", "s.toml:7: seconds: must be a whole number"},
        Bad{"seconds = 3", "seconds = 1.5", "s.toml:7: seconds: must be a whole number"},
        Bad{"seconds = 3", "seconds =", "s.toml:7: "},
        Bad{"name = \"cpu\"", "", "s.toml:1: name: is missing"},
        Bad{"name = \"cpu\"", "name = \"a/b\"", "s.toml:1: name: must be a name"},
        Bad{"server = \"spend\"", "", "s.toml:1: server: is missing"},
        Bad{"server = \"spend\"", "server = \"../sh\"", "s.toml:2: server: must be a name"},
        Bad{"[0, 5000]", "[0, -1]", "s.toml:3: sweep.work_ns: must be a whole number"},
        Bad{"[0, 5000]", "[]", "s.toml:3: sweep.work_ns: needs at least one"},
        Bad{"work_ns", "port", "s.toml:3: sweep.port: cannot be an argument"},
        Bad{"\"1io+*exec\"", "\"1oi\"", "s.toml:4: mixes: mix '1oi' has 'oi'"},
        Bad{"\"1io+*exec\"", "\"1both\"", "s.toml:4: mixes: has '1both' twice"},
        Bad{"\"1io+*exec\"", "3", "s.toml:4: mixes: must be text"},
        Bad{"mixes = [\"1both\", \"1io+*exec\"]", "mixes = \"1both\"",
            "s.toml:4: mixes: must be a list"},
        Bad{"[1, 64]", "[1, 1]", "s.toml:5: connections: has 1 twice"},
        Bad{"[1, 64]", "[0]", "s.toml:5: connections: must be a whole number"},
        Bad{"[1, 64]", "[]", "s.toml:5: connections: needs at least one"},
        Bad{"generator = \"wrk\"", "generator = \"ab\"",
            "s.toml:8: load.generator: must be \"wrk\" or \"open\""},
        Bad{"generator = \"wrk\", threads = 2", "generator = \"open\"",
            "s.toml:8: load.rate: is missing"},
        Bad{"generator = \"wrk\"", "generator = \"open\", rate = 5",
            "s.toml:8: load.threads: unknown"},
        Bad{"threads = 2", "rate = 5", "s.toml:8: load.rate: goes with generator = \"open\""},
        Bad{"threads = 2", "arrivals = \"fixed\"",
            "s.toml:8: load.arrivals: goes with generator = \"open\""},
        Bad{"generator = \"wrk\", threads = 2", "generator = \"open\", rate = 0",
            "s.toml:8: load.rate: must be a whole number"},
        Bad{"generator = \"wrk\", threads = 2",
            "generator = \"open\", rate = 9, arrivals = \"burst\"",
            "s.toml:8: load.arrivals: must be \"poisson\" or \"fixed\""},
        Bad{"threads = 2", "thread = 2", "s.toml:8: load.thread: unknown; did you mean 'threads'?"},
        Bad{"path = \"/x\"", "path = \"x\"", "s.toml:8: load.path: must begin with '/'"},
        Bad{"status = 201", "status = 99", "s.toml:9: expect.status: must be a whole number"},
        Bad{"body = \"Hello\"", "body = 3", "s.toml:9: expect.body: must be text"},
        Bad{"command =", "comand =", "s.toml:10: target.command: is missing"},
        Bad{"[\"nginx\", \"-c\", \"{dir}/nginx.conf\"]", "[]", "s.toml:12: target.command: needs"},
        Bad{"[\"nginx.conf\"]", "[\"../nginx.conf\"]", "s.toml:13: target.files: must name files"},
        Bad{"[[target]]", "[target]", "s.toml:10: target: must be a list"}));

TEST(Scenario, TwoTargetsOfOneNameAreRefused) {
  EXPECT_TRUE(error_of(kWhole + "[[target]]\nname = \"nginx\"\ncommand = [\"x\"]\n")
                  .starts_with("s.toml:15: target.name"));
}

TEST(Scenario, TwoTargetsWithoutANameAreRefused) {
  EXPECT_TRUE(
      error_of(
          "name=\"a\"\nconnections=[1]\n[[target]]\ncommand=[\"x\"]\n[[target]]\ncommand=[\"x\"]\n")
          .starts_with("s.toml:3: target.name: is missing"));
}

TEST(Scenario, OneWithoutMixesAndTargetsIsRefused) {
  EXPECT_NE(error_of("name = \"a\"\nconnections = [1]\n").find("mixes: is missing"),
            std::string::npos);
}

TEST(Scenario, AFileThatIsNotThereIsNamed) {
  const auto scenario = load_scenario("/nowhere/s.toml");
  ASSERT_FALSE(scenario);
  EXPECT_NE(scenario.error().text.find("/nowhere/s.toml"), std::string::npos);
}

TEST(Scenario, AFolderIsNoScenario) {
  EXPECT_EQ(load_scenario("/").error().code, EISDIR);
}

TEST(Scenario, ThoseThatAreShippedCanBeRead) {
  const std::filesystem::path folder = GATIO_SCENARIOS;
  for (const char* name : {"static", "pipelined", "cpu", "mixed", "crowd"}) {
    const auto scenario = load_scenario((folder / (std::string(name) + ".toml")).string());
    ASSERT_TRUE(scenario) << scenario.error().text;
    EXPECT_EQ(scenario->name, name);
  }
}

}  // namespace
}  // namespace gatio::harness
