#include "harness/wrk.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatio::harness {
namespace {

const std::string kLine =
    "gatio-wrk requests=230131 duration_us=2006101 bytes=26465065 connect=1 read=2 write=3 "
    "status=4 timeout=5\n";

TEST(Wrk, EveryFieldIsRead) {
  const auto load =
      parse_wrk("Running 2s test @ http://127.0.0.1:1/\n  Requests/sec: 1\n\n" + kLine);
  ASSERT_TRUE(load) << load.error().text;
  EXPECT_EQ(load->requests, 230131U);
  EXPECT_EQ(load->duration_ns, 2006101000U);
  EXPECT_EQ(load->bytes, 26465065U);
  EXPECT_EQ(load->connect_errors, 1U);
  EXPECT_EQ(load->read_errors, 2U);
  EXPECT_EQ(load->write_errors, 3U);
  EXPECT_EQ(load->status_errors, 4U);
  EXPECT_EQ(load->timeouts, 5U);
  EXPECT_EQ(load->errors(), 15U);
}

TEST(Wrk, ATimeOutAloneIsABrokenLoad) {
  LoadResult load;
  EXPECT_EQ(load.broken(), "");
  load.timeouts = 3;
  EXPECT_EQ(load.broken(), "3 requests failed under load (0 connect, 0 read, 0 write, 3 time-out)");
}

TEST(Wrk, OutputThatIsCutOffAnywhereIsAnError) {
  for (size_t size = 0; size < kLine.size(); ++size)
    EXPECT_FALSE(parse_wrk(kLine.substr(0, size))) << size;
}

TEST(Wrk, AMissingFieldIsAnError) {
  std::string line = kLine;
  line.replace(line.find(" write=3"), 8, "");
  EXPECT_FALSE(parse_wrk(line));
}

TEST(Wrk, AFieldThatIsNoNumberIsAnError) {
  std::string line = kLine;
  line.replace(line.find("230131"), 6, "2e5");
  EXPECT_FALSE(parse_wrk(line));
}

TEST(Wrk, ARunWithoutAReplyIsAnError) {
  std::string line = kLine;
  line.replace(line.find("230131"), 6, "0");
  const auto load = parse_wrk(line);
  ASSERT_FALSE(load);
  EXPECT_NE(load.error().text.find("no reply"), std::string::npos);
}

TEST(Wrk, NeverHasMoreThreadsThanConnections) {
  Load load;
  load.threads = 8;
  const auto command = wrk_command(load, 2, 1, 8080, "load.lua");
  const auto option = std::ranges::find(command, "-t");
  ASSERT_NE(option, command.end());
  EXPECT_EQ(*(option + 1), "2");
}

TEST(Wrk, TheVersionIsTakenFromItsFirstLine) {
  EXPECT_EQ(wrk_version("wrk 4.1.0 [epoll] Copyright (C) 2012 Will Glozer\nUsage: wrk\n"),
            "wrk 4.1.0");
  EXPECT_EQ(wrk_version(""), "wrk");
}

}  // namespace
}  // namespace gatio::harness
