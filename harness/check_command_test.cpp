#include "harness/check_command.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/topology_command.hpp"

namespace gatio::harness {
namespace {

struct Outcome {
  int code;
  std::string out;
  std::string err;  // the configuration's file is called FILE
};

Outcome check(const std::string& config, const std::string& topology = "numa:1 core:4 pu:1",
              bool json = false) {
  char path[] = "/tmp/gatio-check-XXXXXX";
  close(mkstemp(path));
  std::ofstream(path) << config;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  int code = check_command({.config = path, .topology = topology, .json = json});
  fflush(nullptr);
  Outcome outcome{code, testing::internal::GetCapturedStdout(),
                  testing::internal::GetCapturedStderr()};
  unlink(path);
  for (size_t at; (at = outcome.err.find(path)) != std::string::npos;)
    outcome.err.replace(at, strlen(path), "FILE");
  return outcome;
}

TEST(CheckCommand, AGoodConfigurationShowsWhichDriverServesWhat) {
  Outcome outcome = check("[[tpc]]\ndrivers = '1io+*exec'\n[[listener]]\nport = 8080\n");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("Port 127.0.0.1:8080/tcp: 1 driver (0/0), configuration "),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("0/1      exec     1     1    0  tasks only"), std::string::npos)
      << outcome.out;
}

TEST(CheckCommand, ABadKeyIsExitCode2WithItsPlace) {
  Outcome outcome = check("[[listener]]\nport = 1\nbacklgo = 5\n");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "gatio check: FILE:3: listener.backlgo: unknown; did you mean 'backlog'?\n");
}

TEST(CheckCommand, AMixThatDoesNotFitNamesItsPlace) {
  Outcome outcome = check("[[tpc]]\ndrivers = '5both'\n");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err,
            "gatio check: FILE:1: tpc: mix '5both' needs 5 cores, but node 0 has 4 cores (topology "
            "'numa:1 "
            "core:4 pu:1')\n");
}

TEST(CheckCommand, AnUnknownFeatureOrTopologyIsExitCode2) {
  EXPECT_EQ(check("[runtime]\nwithout = ['bundels']\n").code, 2);
  EXPECT_EQ(check("", "nume:1").code, 2);
}

TEST(CheckCommand, EveryConflictIsALineOnStderr) {
  Outcome outcome = check(
      "[[listener]]\nport = 1\n[[listener]]\nport = 1\nbacklog = 9\n[[listener]]\nport = "
      "2\ndrivers = ['0/7']\n");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err,
            "gatio check: port 127.0.0.1:1/tcp: driver 0/0 (FILE:1) and driver 0/1 (FILE:3) must "
            "have the same "
            "configuration, but "
            "backlog is 4096 against 9\n"
            "gatio check: FILE:6 (127.0.0.1:2/tcp): drivers: driver 0/7 does not exist: node 0 has "
            "drivers 0 to 3\n");
}

TEST(CheckCommand, NamesThatAProgramMustRegisterAreNoted) {
  Outcome outcome = check("[[listener]]\nport = 1\nhandler = 'helo'\n");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.err.find("did you mean 'hello'?"), std::string::npos) << outcome.err;
}

TEST(CheckCommand, JsonHoldsPlanOrConflicts) {
  auto plan =
      nlohmann::json::parse(check("[[listener]]\nport = 1\n", "numa:1 core:2 pu:1", true).out);
  EXPECT_EQ(plan["ports"][0]["drivers"].size(), 2u);
  EXPECT_EQ(plan["drivers"][1]["ports"][0]["hash"], plan["ports"][0]["hash"]);
  Outcome bad = check("[[listener]]\nport = 1\ndrivers = ['0/7']\n", "numa:1 core:2 pu:1", true);
  EXPECT_EQ(bad.code, 2);
  EXPECT_EQ(nlohmann::json::parse(bad.out)["conflicts"][0]["kind"], "bad_driver");
}

TEST(TopologyCommand, ABadTopologyIsExitCode2) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(topology_command({.topology = "nume:1", .json = false}), 2);
  fflush(nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "gatio topology: topology 'nume:1' is not \"this\", nor an .xml file, nor a "
            "description such as "
            "\"numa:2 core:4 pu:2\"\n");
}

TEST(TopologyCommand, ShowsNodesAndDistances) {
  testing::internal::CaptureStdout();
  topology_command({.topology = "numa:2 core:2 pu:2", .json = false});
  fflush(nullptr);
  std::string out = testing::internal::GetCapturedStdout();
  EXPECT_NE(out.find("Node 1: 2 cores"), std::string::npos) << out;
  EXPECT_NE(out.find("CPU 4+5, 6+7"), std::string::npos) << out;
  EXPECT_NE(out.find("What this kernel gave"), std::string::npos) << out;
}

}  // namespace
}  // namespace gatio::harness
