#include "harness/mix.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace gatio::harness {
namespace {

std::vector<unsigned> cpus_on(const char* machine, const char* mix) {
  return cpus_of_mix(mix, *load_topology(machine)).value_or(std::vector<unsigned>{});
}

TEST(Mix, TakesTheCpusOfItsDrivers) {
  EXPECT_EQ(cpus_on("numa:1 core:8 pu:1", "1both"), (std::vector<unsigned>{0}));
  EXPECT_EQ(cpus_on("numa:1 core:8 pu:1", "1io+3exec"), (std::vector<unsigned>{0, 1, 2, 3}));
  EXPECT_EQ(cpus_on("numa:1 core:3 pu:1", "1io+*exec"), (std::vector<unsigned>{0, 1, 2}));
}

TEST(Mix, APairTakesBothCpusOfItsCores) {
  EXPECT_EQ(cpus_on("numa:1 core:2 pu:2", "2pair"), (std::vector<unsigned>{0, 1, 2, 3}));
}

TEST(Mix, OneThatIsTooBigIsToldFromOneThatIsNone) {
  Topology two = *load_topology("numa:1 core:2 pu:1");
  EXPECT_EQ(cpus_of_mix("8both", two).error().code, ENOSPC);
  EXPECT_EQ(cpus_of_mix("1pair", two).error().code, ENOSPC);
  EXPECT_EQ(cpus_of_mix("1boht", two).error().code, EINVAL);
}

TEST(Mix, BugAMachineOfManyCpusListedEachOfThem) {
  EXPECT_EQ(cpu_ranges({}), "");
  EXPECT_EQ(cpu_ranges({3}), "3");
  EXPECT_EQ(cpu_ranges({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
  EXPECT_EQ(cpu_ranges(cpus_of(*load_topology("numa:8 core:128 pu:2"))), "0-2047");
}

TEST(Mix, ListsCpusAsServersReadThem) {
  EXPECT_EQ(cpu_list({0, 1, 5}), "0,1,5");
}

}  // namespace
}  // namespace gatio::harness
