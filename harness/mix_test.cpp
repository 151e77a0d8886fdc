#include "harness/mix.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

TEST(Mix, CountsTheCpusThatItAsksFor) {
  EXPECT_EQ(mix_cores("1both", 8), 1U);
  EXPECT_EQ(mix_cores("1io+3exec", 8), 4U);
  EXPECT_EQ(mix_cores("2pair", 8), 4U);
  EXPECT_EQ(mix_cores("0:1io+3exec,1:4both", 8), 8U);
  EXPECT_EQ(mix_cores("16both", 8), 16U);
}

TEST(Mix, AStarTakesAllThatAreLeftAndAtLeastOne) {
  EXPECT_EQ(mix_cores("1io+*exec", 8), 8U);
  EXPECT_EQ(mix_cores("1io+*exec", 1), 2U);
}

TEST(Mix, WhatIsNoMixIsRefused) {
  for (const char* bad : {"", "both", "0both", "1boht", "1both+", "+1both", "1both,", "1io 1exec",
                          "-1both", "x:1both", "1:", "99999999999both", "1both\n"}) {
    EXPECT_FALSE(mix_cores(bad, 8)) << bad;
  }
}

TEST(Mix, ListsCpusAsServersReadThem) {
  EXPECT_EQ(cpu_list({0, 1, 5}), "0,1,5");
}

}  // namespace
}  // namespace gatio::harness
