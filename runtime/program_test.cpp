#include "runtime/program.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace gatio {
namespace {

TEST(Program, WhatTheMachineLacksIsFourAndAllElseIsTwo) {
  for (int code : {EMFILE, ENFILE, ENOMEM, EAGAIN, ENOSYS, EPERM})
    EXPECT_EQ(exit_code({code, ""}), 4) << strerrorname_np(code);
  for (int code : {0, EINVAL, EADDRINUSE, EACCES, EADDRNOTAVAIL, EIO})
    EXPECT_EQ(exit_code({code, ""}), 2) << code;
}

TEST(Program, TheFirstLineListsEveryPort) {
  EXPECT_EQ(listening_json({}), R"({"listening":[]})");
  EXPECT_EQ(listening_json({{"127.0.0.1", 80, config::Transport::tcp, "http"},
                            {"::1", 81, config::Transport::tcp, "my \"own\""}}),
            R"({"listening":[)"
            R"({"address":"127.0.0.1","port":80,"transport":"tcp","protocol":"http"},)"
            R"({"address":"::1","port":81,"transport":"tcp","protocol":"my \"own\""}]})");
}

TEST(Program, TheMetricsFileIsOneLineOfJson) {
  std::string path = ::testing::TempDir() + "program_test.json";
  Metrics metrics;
  metrics.requests = 7;
  ASSERT_TRUE(write_metrics(metrics, path));
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, to_json(metrics));
  EXPECT_FALSE(std::getline(file, line));
  std::remove(path.c_str());
}

TEST(Program, AMetricsFileThatCannotBeWrittenIsNamed) {
  for (const char* path : {"/nonexistent/metrics.json", "/dev/full"}) {
    Result<void> written = write_metrics({}, path);
    ASSERT_FALSE(written) << path;
    EXPECT_NE(written.error().message().find(path), std::string::npos);
  }
}

}  // namespace
}  // namespace gatio
