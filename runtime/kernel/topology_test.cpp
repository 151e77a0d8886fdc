#include "runtime/kernel/topology.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace gatio {
namespace {

std::string error_of(const std::string& description) {
  auto topology = load_topology(description);
  return topology ? "no error" : topology.error().text;
}

// A file that goes with the test.
class XmlFile {
 public:
  explicit XmlFile(const std::string& text) {
    char name[] = "/tmp/gatio-topology-XXXXXX.xml";
    int fd = mkstemps(name, 4);
    close(fd);
    path = name;
    std::ofstream(path) << text;
  }
  ~XmlFile() { unlink(path.c_str()); }
  std::string path;
};

// What a machine of two nodes looks like to a process in a cgroup that allows node 1 only: one node
// whose number is 1, with the CPUs 4 to 7.
constexpr const char* kCut = R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0x000000f0" complete_cpuset="0x000000ff" allowed_cpuset="0x000000f0" nodeset="0x00000002" complete_nodeset="0x00000003" allowed_nodeset="0x00000002" gp_index="1">
    <object type="Package" os_index="1" cpuset="0x000000f0" complete_cpuset="0x000000f0" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="2">
      <object type="NUMANode" os_index="1" cpuset="0x000000f0" complete_cpuset="0x000000f0" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="3" local_memory="268435456"/>
      <object type="Core" os_index="0" cpuset="0x00000030" complete_cpuset="0x00000030" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="4">
        <object type="PU" os_index="4" cpuset="0x00000010" complete_cpuset="0x00000010" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="5"/>
        <object type="PU" os_index="5" cpuset="0x00000020" complete_cpuset="0x00000020" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="6"/>
      </object>
      <object type="Core" os_index="1" cpuset="0x000000c0" complete_cpuset="0x000000c0" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="7">
        <object type="PU" os_index="6" cpuset="0x00000040" complete_cpuset="0x00000040" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="8"/>
        <object type="PU" os_index="7" cpuset="0x00000080" complete_cpuset="0x00000080" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="9"/>
      </object>
    </object>
  </object>
</topology>
)";

TEST(Topology, ASyntheticDescriptionHasItsShape) {
  auto topology = load_topology("numa:2 core:4 pu:2");
  ASSERT_TRUE(topology) << topology.error().text;
  EXPECT_EQ(topology->source, "numa:2 core:4 pu:2");
  ASSERT_EQ(topology->nodes.size(), 2u);
  EXPECT_EQ(topology->core_count(), 8u);
  EXPECT_EQ(topology->pu_count(), 16u);
  EXPECT_EQ(topology->nodes[1].os_index, 1u);
  EXPECT_EQ(topology->nodes[1].cores[3].index, 3u);
  EXPECT_EQ(topology->nodes[1].cores[3].pus, (std::vector<unsigned>{14, 15}));
  EXPECT_GT(topology->nodes[0].memory_bytes, 0u);
}

TEST(Topology, TheLargestSimulatedMachineLoads) {
  auto topology = load_topology("numa:8 core:128 pu:2");
  ASSERT_TRUE(topology) << topology.error().text;
  EXPECT_EQ(topology->core_count(), 1024u);
  EXPECT_EQ(topology->pu_count(), 2048u);
}

TEST(Topology, CoresUnderOneL3Share) {
  auto topology = load_topology("numa:2 l3:2 core:2 pu:1");
  ASSERT_TRUE(topology) << topology.error().text;
  std::vector<unsigned> l3;
  for (const Node& node : topology->nodes)
    for (const Core& core : node.cores) l3.push_back(core.l3);
  EXPECT_EQ(l3, (std::vector<unsigned>{0, 0, 1, 1, 2, 2, 3, 3}));
}

TEST(Topology, WithoutAnL3APackageShares) {
  auto topology = load_topology("package:2 numa:1 core:2 pu:1");
  ASSERT_TRUE(topology) << topology.error().text;
  EXPECT_EQ(topology->nodes[0].cores[0].l3, topology->nodes[0].cores[1].l3);
  EXPECT_NE(topology->nodes[0].cores[0].l3, topology->nodes[1].cores[0].l3);
}

TEST(Topology, WithoutDistancesRemoteIsTwiceLocal) {
  auto topology = load_topology("numa:2 core:1 pu:1");
  EXPECT_EQ(topology->distances, (std::vector<std::vector<unsigned>>{{10, 20}, {20, 10}}));
}

TEST(Topology, WithoutCoresEachCpuIsOne) {
  auto topology = load_topology("numa:1 pu:4");
  ASSERT_TRUE(topology) << topology.error().text;
  EXPECT_EQ(topology->core_count(), 4u);
}

TEST(Topology, TwoMemoriesBesideTheSameCoresGiveOneNodeWithoutCores) {
  auto topology = load_topology("[numa(memory=1GB)] [numa(memory=8GB)] core:2 pu:1");
  ASSERT_TRUE(topology) << topology.error().text;
  ASSERT_EQ(topology->nodes.size(), 2u);
  EXPECT_EQ(topology->nodes[0].cores.size(), 2u);
  EXPECT_TRUE(topology->nodes[1].cores.empty());
  EXPECT_GT(topology->nodes[1].memory_bytes, 0u);
}

TEST(Topology, AMemorylessNodeIsShown) {
  std::string text = kCut;
  text.replace(text.find("268435456"), 9, "0");
  XmlFile file(text);
  auto topology = load_topology(file.path);
  ASSERT_TRUE(topology) << topology.error().text;
  EXPECT_EQ(topology->nodes[0].memory_bytes, 0u);
  EXPECT_EQ(topology->nodes[0].cores.size(), 2u);
}

TEST(Topology, AFileOfACutMachineKeepsTheOperatingSystemsNumbers) {
  XmlFile file(kCut);
  auto topology = load_topology(file.path);
  ASSERT_TRUE(topology) << topology.error().text;
  ASSERT_EQ(topology->nodes.size(), 1u);
  EXPECT_EQ(topology->nodes[0].os_index, 1u);
  EXPECT_EQ(topology->nodes[0].memory_bytes, 268435456u);
  ASSERT_EQ(topology->nodes[0].cores.size(), 2u);
  EXPECT_EQ(topology->nodes[0].cores[0].pus, (std::vector<unsigned>{4, 5}));
  EXPECT_EQ(topology->nodes[0].cores[1].index, 1u);
  EXPECT_EQ(topology->distances, (std::vector<std::vector<unsigned>>{{10}}));
}

TEST(Topology, BadDescriptionsAreNamed) {
  EXPECT_EQ(error_of("numa:2 croe:4"),
            "topology 'numa:2 croe:4' is not \"this\", nor an .xml file, nor a description such as "
            "\"numa:2 core:4 pu:2\"");
  EXPECT_EQ(error_of("/no/such.xml"),
            "topology file '/no/such.xml' cannot be read: No such file or directory");
  XmlFile file("hello");
  EXPECT_NE(error_of(file.path).find(file.path), std::string::npos);
  EXPECT_NE(error_of(file.path), "no error");
}

// In a thread of its own, whose affinity nobody else shares.
TEST(Topology, ThisMachineIsCutToTheAffinityMask) {
  std::thread([] {
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    unsigned last = 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &mask)) last = cpu;
    auto whole = this_machine();
    ASSERT_TRUE(whole) << whole.error().text;
    EXPECT_EQ(whole->pu_count(), static_cast<unsigned>(CPU_COUNT(&mask)));
    EXPECT_EQ(whole->distances.size(), whole->nodes.size());
    EXPECT_EQ(whole->source, "this");

    CPU_ZERO(&mask);
    CPU_SET(last, &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    auto cut = this_machine();
    ASSERT_TRUE(cut) << cut.error().text;
    ASSERT_EQ(cut->pu_count(), 1u);
    for (const Node& node : cut->nodes)
      for (const Core& core : node.cores) {
        EXPECT_EQ(core.index, 0u);
        EXPECT_EQ(core.pus, std::vector<unsigned>{last});
      }
  }).join();
}

}  // namespace
}  // namespace gatio
