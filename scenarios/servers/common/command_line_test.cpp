#include "scenarios/servers/common/command_line.hpp"

#include <gtest/gtest.h>

namespace scenarios {
namespace {

using Words = std::vector<std::string>;

// The error's sentence, or an empty text where there is none.
std::string error_of(const Words& words) {
  auto line = parse_command_line(words, {"work_ns"});
  return line ? "" : line.error().message();
}

TEST(CommandLine, ReadsEveryOption) {
  auto line =
      parse_command_line({"--port", "80", "--mix", "1io+1exec", "--cpus", "0,2", "--placement",
                          "least_work", "--spin-us", "7", "--metrics", "m", "--work_ns", "9"},
                         {"work_ns"});
  ASSERT_TRUE(line) << line.error().message();
  EXPECT_EQ(line->arguments.port, 80);
  EXPECT_EQ(line->options.config.tpcs.size(), 1u);
  EXPECT_EQ(line->options.cpus, (std::vector<unsigned>{0, 2}));
  EXPECT_EQ(line->options.config.placement, "least_work");
  EXPECT_EQ(line->options.config.spin_us, 7u);
  EXPECT_EQ(line->metrics_file, "m");
  EXPECT_EQ(line->arguments.number("work_ns", 0).value(), 9u);
  EXPECT_EQ(line->arguments.number("other", 5).value(), 5u);
}

TEST(CommandLine, BugARepeatedWithoutKeptOnlyTheLastFeature) {
  auto line = parse_command_line({"--without", "bundles", "--without", "napi"}, {});
  ASSERT_TRUE(line) << line.error().message();
  EXPECT_EQ(line->options.config.without, (Words{"bundles", "napi"}));
}

TEST(CommandLine, BugANumberTooLargeForItsOptionWasCutShort) {
  EXPECT_NE(error_of({"--spin-us", "4294967296"}), "");
  EXPECT_NE(error_of({"--spin-us", "10001"}), "");
  EXPECT_NE(error_of({"--cpus", "0,4294967296"}), "");
  EXPECT_NE(error_of({"--port", "65536"}), "");
  EXPECT_NE(error_of({"--port", "99999999999999999999999"}), "");
}

TEST(CommandLine, AnErrorNamesTheOption) {
  for (const Words& words : {Words{"--port", "x"}, Words{"--port", ""}, Words{"--port", "1x"}})
    EXPECT_NE(error_of(words).find("--port"), std::string::npos) << words[1];
  EXPECT_NE(error_of({"--nonsense", "1"}).find("--nonsense"), std::string::npos);
  EXPECT_NE(error_of({"--mix", "1nonsense"}).find("--mix"), std::string::npos);
  EXPECT_NE(error_of({"--placement", "nonsense"}).find("--placement"), std::string::npos);
  EXPECT_NE(error_of({"--cpus"}).find("--cpus needs a value"), std::string::npos);
  EXPECT_NE(error_of({"port", "1"}).find("'port'"), std::string::npos);
}

}  // namespace
}  // namespace scenarios
