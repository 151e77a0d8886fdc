#include "harness/circumstances.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

TEST(Circumstances, FoldersOfThisMachineAreTakenOut) {
  EXPECT_EQ(without_folders("/a/b/hello: cannot open '/c/d.toml' (/e)"),
            "hello: cannot open 'd.toml' (e)");
  EXPECT_EQ(without_folders("nginx: open() \"/x/y/nginx.conf\" failed"),
            "nginx: open() \"nginx.conf\" failed");
  EXPECT_EQ(without_folders("in /a/b/"), "in b/");
}

TEST(Circumstances, WhatIsNoAbsolutePathStays) {
  for (const char* text : {"", "/", "1 req/s", "driver 0/1 of scenarios/hello", "and / or"})
    EXPECT_EQ(without_folders(text), text);
}

TEST(Circumstances, AnEvenMachineIsDescribedAsItCanBeAskedFor) {
  EXPECT_EQ(describe_topology(*load_topology("numa:1 core:2 pu:1")),
            "numa:1 core:2 pu:1 (cpus 0-1; 1 L3)");
  EXPECT_EQ(describe_topology(*load_topology("numa:2 core:1 pu:2")).substr(0, 29),
            "numa:2 core:1 pu:2 (cpus 0-3;");
}

TEST(Circumstances, AnUnevenMachineIsCounted) {
  Topology topology = *load_topology("numa:1 core:3 pu:2");
  topology.nodes[0].cores[1].pus.pop_back();
  EXPECT_TRUE(describe_topology(topology).starts_with("1 nodes, 3 cores, 5 PUs"));
}

TEST(Circumstances, TheModelIsTheFirstThatIsNamed) {
  EXPECT_EQ(cpu_model_in("processor\t: 0\nmodel\t\t: 6\nmodel name\t: Some CPU @ 2 GHz\n"),
            "Some CPU @ 2 GHz");
  EXPECT_EQ(cpu_model_in("processor\t: 0\n"), "");
}

TEST(Circumstances, OnlyAPlainOptimizedBuildIsARelease) {
  EXPECT_EQ(library_build_type("RelWithDebInfo"), "release");
  EXPECT_EQ(library_build_type("RelWithDebInfo (address,undefined)"), "debug");
  EXPECT_EQ(library_build_type("Debug"), "debug");
  EXPECT_FALSE(build_type().empty());
}

}  // namespace
}  // namespace gatio::harness
