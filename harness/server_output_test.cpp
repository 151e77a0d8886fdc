#include "harness/server_output.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

const std::string kMetrics =
    R"({"requests":5,"errors":1,"connections":2,"drivers":[{"tpc":0,"driver":1,"role":"io","cpu":3,"node":0,)"
    R"("requests":5,"tasks":6,"sqes":7,"io_sqes":8,"enters":9,"cqes":10,"handoffs":11,"cq_overflow":12,)"
    R"("enobufs":13,"parks":14,"wakes":15,"spin_ns":17,"allocations":18,"cpu_ns":16}]})";

TEST(ServerOutput, TheHttpPortIsFoundAmongOthers) {
  EXPECT_EQ(
      parse_listening(
          R"({"listening":[{"address":"127.0.0.1","port":1,"transport":"udp","protocol":"echo"},)"
          R"({"address":"127.0.0.1","port":34567,"transport":"tcp","protocol":"http"}]})"),
      34567);
}

TEST(ServerOutput, ALineWithoutAPortIsAnError) {
  for (const char* line :
       {"", "hello", "[]", "{}", R"({"listening":1})", R"({"listening":[]})",
        R"({"listening":[3]})",
        R"({"listening":[{"port":80,"transport":"udp","protocol":"http"}]})",
        R"({"listening":[{"port":0,"transport":"tcp","protocol":"http"}]})",
        R"({"listening":[{"port":65536,"transport":"tcp","protocol":"http"}]})",
        R"({"listening":[{"port":"80","transport":"tcp","protocol":"http"}]})"}) {
    EXPECT_FALSE(parse_listening(line)) << line;
  }
}

TEST(ServerOutput, MetricsArriveInTheirPlaces) {
  const auto metrics = parse_metrics(kMetrics);
  ASSERT_TRUE(metrics) << metrics.error().text;
  EXPECT_EQ(metrics->requests, 5U);
  EXPECT_EQ(metrics->errors, 1U);
  EXPECT_EQ(metrics->connections, 2U);
  ASSERT_EQ(metrics->drivers.size(), 1U);
  const DriverMetrics& driver = metrics->drivers[0];
  EXPECT_EQ(driver.role, config::Role::io);
  EXPECT_EQ(driver.cpu, 3U);
  EXPECT_EQ(driver.tasks, 6U);
  EXPECT_EQ(driver.io_sqes, 8U);
  EXPECT_EQ(driver.handoffs, 11U);
  EXPECT_EQ(driver.wakes, 15U);
  EXPECT_EQ(driver.cpu_ns, 16U);
  EXPECT_EQ(driver.spin_ns, 17U);
  EXPECT_EQ(driver.allocations, 18U);
}

TEST(ServerOutput, EveryMissingFigureIsAnErrorThatNamesIt) {
  for (const char* key : {"requests", "errors", "connections", "drivers", "tasks", "io_sqes",
                          "handoffs", "enobufs", "role", "spin_ns"}) {
    std::string text = kMetrics;
    const std::string quoted = std::string("\"") + key + "\"";
    text.replace(text.find(quoted), quoted.size(), "\"other\"");
    const auto metrics = parse_metrics(text);
    ASSERT_FALSE(metrics) << key;
    EXPECT_NE(metrics.error().text.find(key), std::string::npos) << metrics.error().text;
  }
}

TEST(ServerOutput, WhatTheRuntimeWritesCanBeRead) {
  Metrics counted;
  counted.requests = 9;
  counted.drivers.resize(1);
  counted.drivers[0].role = config::Role::exec;
  counted.drivers[0].spin_ns = 3;
  const auto metrics = parse_metrics(to_json(counted));
  ASSERT_TRUE(metrics) << metrics.error().text;
  EXPECT_EQ(metrics->requests, 9U);
  EXPECT_EQ(metrics->drivers.at(0).role, config::Role::exec);
  EXPECT_EQ(metrics->drivers.at(0).spin_ns, 3U);
}

TEST(ServerOutput, MetricsThatAreCutOffAreAnError) {
  EXPECT_FALSE(parse_metrics(kMetrics.substr(0, kMetrics.size() - 1)));
  EXPECT_FALSE(parse_metrics("[]"));
}

}  // namespace
}  // namespace gatio::harness
