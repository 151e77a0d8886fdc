// The replay line comes back as it was printed, and every line that is none is refused with a
// sentence.
#include "harness/simulation/replay_line.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace gatio::harness {
namespace {

void comes_back(const ReplayLine& line) {
  std::string text = print(line);
  EXPECT_EQ(text.find(' '), std::string::npos) << text;
  Result<ReplayLine> read = parse_replay_line(text);
  ASSERT_TRUE(read) << text << ": " << read.error().message();
  EXPECT_EQ(read->revision, line.revision);
  EXPECT_EQ(read->case_name, line.case_name);
  EXPECT_EQ(read->preempt, line.preempt);
  EXPECT_EQ(read->seed, line.seed);
  EXPECT_EQ(read->choices, line.choices);
}

TEST(ReplayLine, ComesBack) {
  comes_back(
      {.revision = "3f2a91c", .case_name = "serve", .preempt = true, .seed = 12, .choices = {}});
  comes_back({.revision = "",
              .case_name = "tasks",
              .preempt = false,
              .seed = ~uint64_t{0},
              .choices = {}});
  comes_back({.revision = "3f2a91c-dirty",
              .case_name = "echo",
              .preempt = false,
              .seed = {},
              .choices = {}});
  comes_back({.revision = "1", .case_name = "tasks", .preempt = true, .seed = {}, .choices = {7}});
  comes_back({.revision = "1",
              .case_name = "tasks",
              .preempt = true,
              .seed = {},
              .choices = {3, 0, 0, 0, 0, 4294967295, 1, 1, 2}});
}

TEST(ReplayLine, RepeatedChoicesAreShort) {
  ReplayLine line{
      .revision = "1", .case_name = "tasks", .preempt = true, .seed = {}, .choices = {}};
  line.choices.assign(1'000, 0);
  EXPECT_EQ(print(line), "v1:1:tasks:preempt:choices=0x1000");
}

void is_refused(const std::string& text, const std::string& with) {
  Result<ReplayLine> read = parse_replay_line(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error().code, EINVAL) << text;
  std::string sentence = read.error().message();
  EXPECT_NE(sentence.find(with), std::string::npos) << text << " gave: " << sentence;
  EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
}

TEST(ReplayLine, WhatIsNoneIsRefusedWithASentence) {
  is_refused("", "begins with 'v1:'");
  is_refused("seed=12", "begins with 'v1:'");
  is_refused("v2:1:tasks:preempt:seed=1", "another version");
  is_refused("v1", "there is no case ''");
  is_refused("v1:1:nonsense:preempt:seed=1", "there is no case 'nonsense'");
  is_refused("v1:1:tasks:seed=1", "neither 'preempt' nor 'turns'");
  is_refused("v1:1:tasks:sometimes:seed=1", "'sometimes' is neither");
  for (const char* end :
       {"", "seed", "seed=", "seed=x", "seed=1x", "seed=-1", "seed= 1", "seed=18446744073709551616",
        "choices", "choices=a", "choices=1..2", "choices=1x", "choices=x3", "choices=1x2x3",
        "choices=4294967296", "choices=-1", "choices=0x99999999999", "choices=0x9000000.0x9000000",
        "luck=1"})
    is_refused(std::string("v1:1:tasks:preempt:") + end, "it ends with 'seed=N'");
}

}  // namespace
}  // namespace gatio::harness
