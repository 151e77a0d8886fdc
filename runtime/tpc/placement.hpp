// Which driver of a TPC a task runs on: a decision over a snapshot of the drivers' loads and the
// hints of the task, in integers, so that Linux and the simulation agree. It returns only drivers
// that may execute; `best` and `least_work` never return one that another strictly dominates by
// their own measure. The order of the snapshot does not matter, only the drivers' indices do. Owned
// by whoever places (each driver has its own); one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/prng.hpp"
#include "runtime/base/result.hpp"

namespace gatio {

enum class Priority : uint8_t { high, normal, low };
inline constexpr size_t kPriorityCount = 3;

struct DriverLoad {
  unsigned index = 0;  // unique within a snapshot
  bool executes = false;
  bool parked = false;
  std::array<uint64_t, kPriorityCount>
      queued_ns{};  // expected run time of what is queued, by Priority
  uint32_t queued_tasks = 0;
  unsigned node = 0;
  unsigned l3 = 0;
  unsigned core = 0;  // the number within the node
  unsigned pu = 0;
};

struct Hints {
  Priority priority = Priority::normal;
  std::optional<unsigned>
      from_driver;       // where it is spawned or where its data is; need not be in the snapshot
  uint64_t cost_ns = 0;  // its expected run time; 0 = unknown
};

// best         soonest expected start: the wait behind queued work of this priority or above, plus
// the distance least_work   least queued work of all priorities, then fewest queued tasks affinity
// shortest distance, then shortest wait round_robin  the next index that may execute two_choices of
// two drivers drawn at random the one with the shorter wait
enum class Policy : uint8_t { best, least_work, affinity, round_robin, two_choices };

std::string_view name_of(Policy policy);
// Error: a sentence that lists the names there are.
Result<Policy> parse_policy(std::string_view name);

// What it costs to bring a task to another driver that is running, by the closest thing the two
// share, and to wake it if it is parked. Measured on two cores: 33 ns for a cache line that is spun
// on, 18 us for a wake-up by MSG_RING; a hand-off moves a few lines (node, task, its data). The
// steps between the levels are estimates.
inline constexpr uint64_t kSameCoreNs = 60;
inline constexpr uint64_t kSameL3Ns = 200;
inline constexpr uint64_t kSameNodeNs = 300;
inline constexpr uint64_t kOtherNodeNs = 600;
inline constexpr uint64_t kWakeUpNs = 18'000;

struct Candidate {
  unsigned driver = 0;
  uint64_t wait_ns = 0;      // queued work that runs before the task
  uint64_t distance_ns = 0;  // hand-off and wake-up
  uint64_t score_ns = 0;     // what the policy compared first; what is lower is better
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Decision {
  unsigned driver = 0;
  std::vector<Candidate> candidates;  // all drivers that may execute, by index
};

class Placement {
 public:
  // The seed is for two_choices alone.
  explicit Placement(Policy policy, uint64_t seed = 0) : policy_(policy), prng_(seed) {}

  // The index of the chosen driver. Does not allocate, but for the text of its error: that no
  // driver may execute.
  Result<unsigned> choose(std::span<const DriverLoad> loads, const Hints& hints);

  // The same decision (it advances the same state, so call one or the other) with all its
  // candidates.
  Result<Decision> explain(std::span<const DriverLoad> loads, const Hints& hints);

  [[nodiscard]] Policy policy() const { return policy_; }

 private:
  const DriverLoad* next_in_turn(std::span<const DriverLoad> loads);
  const DriverLoad* better_of_two(std::span<const DriverLoad> loads, const Hints& hints);

  Policy policy_;
  Prng prng_;
  unsigned next_index_ = 0;  // round_robin: the lowest index whose turn it is
};

}  // namespace gatio
