// Every limit of a configuration, in one place, with the relations between them. Constants.
#pragma once

#include <cstdint>

namespace gatio::config {

struct Range {
  uint64_t low;
  uint64_t high;
  [[nodiscard]] constexpr bool holds(uint64_t value) const { return low <= value && value <= high; }
};

inline constexpr Range kDriversPerNode{
    1, 1024};  // 8 nodes x 128 cores x 2 PUs is the largest machine simulated
inline constexpr Range kNodeNumber{0,
                                   1023};  // what Linux numbers (CONFIG_NODES_SHIFT is at most 10)

inline constexpr Range kSpinUs{0, 10'000};
inline constexpr Range kHeapMb{1, 1u << 20};
inline constexpr Range kSqEntries{1, 32'768};  // IORING_MAX_ENTRIES
inline constexpr Range kCqEntries{2, 65'536};  // IORING_MAX_CQ_ENTRIES

inline constexpr Range kPort{0, 65'535};     // 0: the kernel chooses one number for all drivers
inline constexpr Range kBacklog{1, 65'535};  // the kernel cuts it to net.core.somaxconn
inline constexpr Range kBufferCount{1,
                                    32'768};  // entries of a provided-buffer ring; a power of two
inline constexpr Range kBufferSize{64, 1u << 20};  // bytes
inline constexpr Range kConnections{1, 1u << 20};  // fs.nr_open is 2^20 by default
inline constexpr Range kHeaderBytes{64, 1u << 20};
inline constexpr Range kBodyBytes{0, 1u << 30};
inline constexpr Range kTimeoutMs{1, 86'400'000};   // a day
inline constexpr Range kSocketBuffer{0, 1u << 30};  // 0: what the kernel gives by itself

static_assert(kCqEntries.high >= 2 * kSqEntries.high,
              "a completion ring is twice its submission ring");
static_assert(kCqEntries.low >= 2 * kSqEntries.low, "also the smallest");
static_assert(kBufferSize.low >= kHeaderBytes.low, "the smallest header fits into one buffer");
static_assert(kHeaderBytes.high <= kBodyBytes.high, "a body may be as long as a header");
static_assert(kBufferCount.high * kBufferSize.high <= uint64_t{1} << 40,
              "the product of both fits easily");
static_assert(kTimeoutMs.high * 1'000'000 < uint64_t{1} << 62,
              "a time-out in ns never overflows a clock");
static_assert(kSpinUs.high * 1'000 < kTimeoutMs.low * 1'000'000 * 1'000,
              "a spin is short beside a time-out");

}  // namespace gatio::config
