// Mapped memory: tagged with its node, whole, given out again, and filled when asked for.
#include "fakes/mappings.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace gatio::fakes {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kSlab = 1 << 20;

TEST(Mappings, AnAddressTellsItsNode) {
  Mappings mappings;
  auto* first = static_cast<char*>(mappings.map(kSlab, kSlab, 0));
  auto* second = static_cast<char*>(mappings.map(2 * kPage, kPage, 1));
  EXPECT_EQ(mappings.node_of(first, -1), 0);
  EXPECT_EQ(mappings.node_of(first + kSlab - 1, -1), 0);
  EXPECT_EQ(mappings.node_of(second + kPage, -1), 1);
  mappings.unmap(second, 2 * kPage);
  EXPECT_EQ(mappings.node_of(second, -1), -1);
  EXPECT_EQ(mappings.bytes(), kSlab);
  mappings.unmap(first, kSlab);
  EXPECT_EQ(mappings.bytes(), 0u);
}

TEST(Mappings, WhatWasGivenBackIsGivenOutAgainAligned) {
  Mappings mappings;
  void* first = mappings.map(3 * kSlab, kSlab, 0);
  mappings.unmap(first, 3 * kSlab);
  EXPECT_EQ(mappings.map(3 * kSlab, kSlab, 1), first);
  EXPECT_EQ(mappings.node_of(first, -1), 1);
  // Another shape is another piece.
  void* other = mappings.map(3 * kSlab, kPage, 1);
  EXPECT_NE(other, first);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % kSlab, 0u);
}

TEST(Mappings, ARunThatEndsLeavesItsPiecesToTheNext) {
  void* left = nullptr;
  {
    Mappings mappings;
    left = mappings.map(5 * kPage, kPage, 0);
  }
  Mappings next;
  EXPECT_EQ(next.map(5 * kPage, kPage, 0), left);
}

TEST(Mappings, AFillReachesEveryByte) {
  {
    Mappings dirty;
    std::memset(dirty.map(7 * kPage, kPage, 0), 0x11, 7 * kPage);
  }
  Mappings mappings(0xA5);
  auto* piece = static_cast<unsigned char*>(mappings.map(7 * kPage, kPage, 0));
  for (size_t i = 0; i < 7 * kPage; ++i) ASSERT_EQ(piece[i], 0xA5) << i;
}

}  // namespace
}  // namespace gatio::fakes
