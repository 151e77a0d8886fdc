#include "runtime/tpc/layout.hpp"

#include <errno.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

namespace gatio {
namespace {

using config::parse_mix;
using config::TpcConfig;

Topology machine(const std::string& description) {
  auto topology = load_topology(description);
  EXPECT_TRUE(topology) << topology.error().text;
  return *topology;
}

Result<Layout> lay(const std::string& description, const std::string& mix,
                   std::vector<unsigned> cpus = {}) {
  return layout(machine(description), *parse_mix(mix), std::move(cpus));
}

std::string error_of(const Result<Layout>& result) {
  return result ? "no error" : result.error().text;
}

// "io@0 exec@1" for each TPC, with the CPU after the @.
std::string roles(const TpcLayout& tpc) {
  std::string text;
  for (const DriverLayout& driver : tpc.drivers)
    text += (text.empty() ? "" : " ") + std::string(name(driver.role)) + "@" +
            std::to_string(driver.pu);
  return text;
}

TEST(Layout, PartsTakeCoresInOrder) {
  auto result = lay("numa:2 core:4 pu:2", "1io+2exec");
  ASSERT_TRUE(result) << result.error().text;
  ASSERT_EQ(result->tpcs.size(), 2u);
  EXPECT_EQ(roles(result->tpcs[0]), "io@0 exec@2 exec@4");
  EXPECT_EQ(roles(result->tpcs[1]), "io@8 exec@10 exec@12");
  EXPECT_EQ(result->driver_count(), 6u);
  EXPECT_EQ(result->find({1, 2})->pu, 12u);
  EXPECT_EQ(result->find({1, 3}), nullptr);
  EXPECT_EQ(result->find({2, 0}), nullptr);
}

TEST(Layout, AStarTakesAllCoresLeftWhereverItStands) {
  EXPECT_EQ(roles(lay("numa:1 core:4 pu:1", "1io+*exec")->tpcs[0]), "io@0 exec@1 exec@2 exec@3");
  EXPECT_EQ(roles(lay("numa:1 core:4 pu:1", "*exec+1io")->tpcs[0]), "exec@0 exec@1 exec@2 io@3");
}

TEST(Layout, APairIsTwoDriversOfOneCoreThatPreferEachOther) {
  auto result = lay("numa:1 core:2 pu:2", "2pair");
  ASSERT_TRUE(result) << result.error().text;
  const auto& drivers = result->tpcs[0].drivers;
  EXPECT_EQ(roles(result->tpcs[0]), "io@0 exec@1 io@2 exec@3");
  EXPECT_EQ(drivers[2].partner, 3u);
  EXPECT_EQ(drivers[3].partner, 2u);
  EXPECT_EQ(drivers[2].core, drivers[3].core);
}

TEST(Layout, AMixThatIsTooBigNamesTheNodeAndItsCores) {
  auto result = lay("numa:1 core:2 pu:2", "1io+2exec");
  EXPECT_EQ(error_of(result), "mix '1io+2exec' needs 3 cores, but node 0 has 2 cores");
  EXPECT_EQ(result.error().code, ENOSPC);
  EXPECT_EQ(error_of(lay("numa:1 core:1 pu:1", "1io+*exec")),
            "mix '1io+*exec' needs at least 2 cores, but node 0 has 1 core");
}

TEST(Layout, APairNeedsHyperThreads) {
  auto result = lay("numa:1 core:2 pu:1", "1pair");
  EXPECT_EQ(error_of(result),
            "mix '1pair' needs two CPUs on a core for a pair, but core 0 of node 0 has one (no "
            "hyper-thread)");
  EXPECT_EQ(result.error().code, ENOSPC);
}

TEST(Layout, NodesMayDiffer) {
  auto result = lay("numa:2 core:4 pu:1", "0:1io+3exec,1:4both");
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(roles(result->tpcs[0]), "io@0 exec@1 exec@2 exec@3");
  EXPECT_EQ(roles(result->tpcs[1]), "both@4 both@5 both@6 both@7");
  EXPECT_EQ(result->tpcs[1].mix, "4both");
}

TEST(Layout, ANodeThatIsNotThereIsNamed) {
  EXPECT_EQ(error_of(lay("numa:2 core:4 pu:1", "2:1io")),
            "mix '2:1io' is for node 2, but this machine has only node 0, 1");
}

TEST(Layout, ANodeHasOneTpc) {
  LayoutOptions options{
      .tpcs = {TpcConfig{}, TpcConfig{.nodes = {1}, .drivers = *parse_mix("1io"), .declared = {}}},
      .cpus = {}};
  EXPECT_EQ(error_of(layout(machine("numa:2 core:4 pu:1"), options)),
            "node 1 is given two mixes, '*both' and '1io', but a node has one TPC");
}

TEST(Layout, AnErrorNamesThePlaceInTheFile) {
  TpcConfig tpc{.nodes = {}, .drivers = *parse_mix("3io"), .declared = {"a.toml", 5}};
  EXPECT_EQ(error_of(layout(machine("numa:1 core:2 pu:1"), {.tpcs = {tpc}, .cpus = {}})),
            "a.toml:5: tpc: mix '3io' needs 3 cores, but node 0 has 2 cores");
}

TEST(Layout, AnEmptyMixIsRefused) {
  EXPECT_EQ(error_of(layout(machine("numa:1 core:2 pu:1"), config::Mix{})), "a TPC's mix is empty");
}

TEST(Layout, WithoutOptionsEveryCoreDoesBoth) {
  auto result = layout(machine("numa:2 core:1 pu:2"), LayoutOptions{});
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(roles(result->tpcs[0]), "both@0");
  EXPECT_EQ(roles(result->tpcs[1]), "both@2");
}

TEST(Layout, ATpcWithoutAnIoDriverRecordsTheNearestOne) {
  Topology four = machine("numa:4 core:1 pu:1");
  four.distances = {{10, 16, 21, 31}, {16, 10, 31, 21}, {21, 31, 10, 16}, {31, 21, 16, 10}};
  auto result = layout(four, *parse_mix("0:1io,1:1exec,2:1both,3:1exec"));
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->tpcs[1].nearest_io, (DriverName{0, 0}));
  EXPECT_EQ(result->tpcs[3].nearest_io, (DriverName{2, 0}));
  EXPECT_EQ(result->tpcs[0].nearest_io, std::nullopt);
  EXPECT_EQ(result->tpcs[0].nearest_exec, (DriverName{1, 0}));
  EXPECT_EQ(result->tpcs[2].nearest_exec, std::nullopt);
}

TEST(Layout, AtEqualDistanceTheLowerNumberIsNearest) {
  auto result = lay("numa:3 core:2 pu:1", "0:2io,1:2io,2:2exec");
  EXPECT_EQ(result->tpcs[2].nearest_io, (DriverName{0, 0}));
}

TEST(Layout, ARestrictionToCpusLeavesOutTheRest) {
  auto result = lay("numa:2 core:2 pu:2", "*both", {5, 2, 3});
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(roles(result->tpcs[0]), "both@2");
  EXPECT_EQ(roles(result->tpcs[1]), "both@5");
  EXPECT_EQ(result->tpcs[0].drivers[0].core, 1u);
  EXPECT_EQ(lay("numa:2 core:2 pu:2", "*both", {0})->tpcs.size(), 1u);
  EXPECT_EQ(error_of(lay("numa:1 core:2 pu:1", "1both", {7})),
            "CPU 7 is not one that this process may use in topology 'numa:1 core:2 pu:1'");
}

TEST(Layout, ANodeWithMemoryOnlyGetsNoTpc) {
  Topology topology = machine("numa:2 core:2 pu:1");
  topology.nodes[1].cores.clear();
  EXPECT_EQ(layout(topology, LayoutOptions{})->tpcs.size(), 1u);
  EXPECT_EQ(error_of(layout(topology, *parse_mix("1:1both"))),
            "mix '1both' needs 1 core, but node 1 has 0 cores");
}

// On a machine cut by a cgroup the only node may be number 1.
TEST(Layout, NodesAreKnownByTheOperatingSystemsNumber) {
  Topology topology = machine("numa:1 core:2 pu:1");
  topology.nodes[0].os_index = 1;
  auto result = layout(topology, *parse_mix("1:2both"));
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->tpcs[0].position, 0u);
  EXPECT_EQ(result->tpcs[0].os_index, 1u);
  EXPECT_EQ(result->find({1, 1})->pu, 1u);
}

TEST(Layout, NoCpuHasTwoDriversAndEachIsOnItsNode) {
  unsigned laid = 0, refused = 0;
  EXPECT_TRUE(rc::check("layout", [&] {
    unsigned nodes = *rc::gen::inRange(1u, 4u), cores = *rc::gen::inRange(1u, 6u),
             pus = *rc::gen::inRange(1u, 3u);
    Topology topology = machine("numa:" + std::to_string(nodes) + " core:" + std::to_string(cores) +
                                " pu:" + std::to_string(pus));
    auto mix = *parse_mix(*rc::gen::element<std::string>("1io+*exec", "2both", "*pair",
                                                         "1pair+*both", "1io+1exec", "*io+3exec"));
    auto result = layout(topology, mix);
    ++(result ? laid : refused);
    if (!result) return;
    std::set<unsigned> taken;
    for (const TpcLayout& tpc : result->tpcs) {
      for (const DriverLayout& driver : tpc.drivers) {
        RC_ASSERT(taken.insert(driver.pu).second);
        const auto& there = topology.nodes[tpc.position].cores[driver.core].pus;
        RC_ASSERT(std::count(there.begin(), there.end(), driver.pu) == 1);
        RC_ASSERT(result->find(driver.name()) == &driver);
        if (driver.partner) RC_ASSERT(tpc.drivers[*driver.partner].partner == driver.index);
      }
    }
  }));
  EXPECT_GT(laid, 20u);
  EXPECT_GT(refused, 5u);
}

}  // namespace
}  // namespace gatio
