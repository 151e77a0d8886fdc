#include "runtime/tpc/placement.hpp"

#include <errno.h>

#include <algorithm>
#include <tuple>

namespace gatio {
namespace {

constexpr std::array<std::string_view, 5> kPolicyNames = {"best", "least_work", "affinity",
                                                          "round_robin", "two_choices"};

uint64_t add_saturated(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t queued_ns(const DriverLoad& load, Priority lowest) {
  uint64_t sum = load.queued_ns[0];
  if (lowest >= Priority::normal) sum = add_saturated(sum, load.queued_ns[1]);
  if (lowest >= Priority::low) sum = add_saturated(sum, load.queued_ns[2]);
  return sum;
}

// The driver the task comes from; nullptr when there is none or when it is of another TPC.
const DriverLoad* origin_of(std::span<const DriverLoad> loads, const Hints& hints) {
  if (!hints.from_driver) return nullptr;
  unsigned index = *hints.from_driver;
  if (index < loads.size() && loads[index].index == index) return &loads[index];  // the usual order
  auto found = std::ranges::find(loads, index, &DriverLoad::index);
  return found == loads.end() ? nullptr : &*found;
}

// What one task is measured with, made once per decision.
class Measure {
 public:
  Measure(std::span<const DriverLoad> loads, const Hints& hints)
      : priority_(hints.priority),
        origin_(origin_of(loads, hints)),
        unknown_origin_ns_(hints.from_driver ? kOtherNodeNs : 0) {}

  [[nodiscard]] uint64_t wait_ns(const DriverLoad& load) const {
    return queued_ns(load, priority_);
  }

  [[nodiscard]] uint64_t distance_ns(const DriverLoad& load) const {
    return hand_off_ns(load) + (load.parked ? kWakeUpNs : 0);
  }

  [[nodiscard]] uint64_t start_ns(const DriverLoad& load) const {
    return add_saturated(wait_ns(load), distance_ns(load));
  }

 private:
  [[nodiscard]] uint64_t hand_off_ns(const DriverLoad& load) const {
    if (origin_ == nullptr) return unknown_origin_ns_;
    if (load.index == origin_->index) return 0;
    if (load.node != origin_->node) return kOtherNodeNs;
    if (load.core == origin_->core) return kSameCoreNs;
    return load.l3 == origin_->l3 ? kSameL3Ns : kSameNodeNs;
  }

  Priority priority_;
  const DriverLoad* origin_;
  uint64_t
      unknown_origin_ns_;  // the same for all: it decides nothing, but the scores say what it costs
};

// The keys by which drivers are compared, smallest wins. Each ends with the index, so that there
// are no ties and the order of the snapshot does not matter.
auto best_key(const Measure& measure, const DriverLoad& load) {
  // The wait decides only between sums that are saturated, where it keeps a dominated driver from
  // winning.
  return std::tuple(measure.start_ns(load), measure.distance_ns(load), measure.wait_ns(load),
                    load.index);
}
auto least_work_key(const Measure& measure, const DriverLoad& load) {
  return std::tuple(queued_ns(load, Priority::low), load.queued_tasks, measure.distance_ns(load),
                    load.index);
}
auto affinity_key(const Measure& measure, const DriverLoad& load) {
  return std::tuple(measure.distance_ns(load), measure.wait_ns(load), load.index);
}
auto wait_key(const Measure& measure, const DriverLoad& load) {
  return std::tuple(measure.wait_ns(load), measure.distance_ns(load), load.index);
}

// The executing driver with the smallest key, nullptr when none may execute.
template <typename Key>
const DriverLoad* smallest(std::span<const DriverLoad> loads, const Measure& measure, Key key) {
  const DriverLoad* winner = nullptr;
  for (const DriverLoad& each : loads) {
    if (!each.executes) continue;
    if (winner == nullptr || key(measure, each) < key(measure, *winner)) winner = &each;
  }
  return winner;
}

uint64_t score_ns(Policy policy, const Measure& measure, const DriverLoad& load) {
  switch (policy) {
    case Policy::best:
      return measure.start_ns(load);
    case Policy::least_work:
      return queued_ns(load, Priority::low);
    case Policy::affinity:
      return measure.distance_ns(load);
    case Policy::two_choices:
      return measure.wait_ns(load);
    case Policy::round_robin:
      return 0;
  }
  return 0;
}

}  // namespace

std::string_view name_of(Policy policy) {
  return kPolicyNames[static_cast<size_t>(policy)];
}

Result<Policy> parse_policy(std::string_view name) {
  auto found = std::ranges::find(kPolicyNames, name);
  if (found != kPolicyNames.end()) return static_cast<Policy>(found - kPolicyNames.begin());
  std::string text = "placement \"" + std::string(name) + "\" is unknown; use one of";
  for (std::string_view each : kPolicyNames) text.append(" ").append(each);
  return fail(EINVAL, std::move(text));
}

Result<unsigned> Placement::choose(std::span<const DriverLoad> loads, const Hints& hints) {
  const DriverLoad* chosen = nullptr;
  switch (policy_) {
    case Policy::best:
      chosen = smallest(loads, Measure(loads, hints), best_key);
      break;
    case Policy::least_work:
      chosen = smallest(loads, Measure(loads, hints), least_work_key);
      break;
    case Policy::affinity:
      chosen = smallest(loads, Measure(loads, hints), affinity_key);
      break;
    case Policy::round_robin:
      chosen = next_in_turn(loads);
      break;
    case Policy::two_choices:
      chosen = better_of_two(loads, hints);
      break;
  }
  if (chosen == nullptr) {
    return fail(ENODEV, "no driver of this TPC may execute tasks; give it an exec or both driver");
  }
  return chosen->index;
}

Result<Decision> Placement::explain(std::span<const DriverLoad> loads, const Hints& hints) {
  Result<unsigned> chosen = choose(loads, hints);
  if (!chosen) return std::unexpected(chosen.error());
  Decision decision{*chosen, {}};
  Measure measure(loads, hints);
  for (const DriverLoad& each : loads) {
    if (!each.executes) continue;
    decision.candidates.push_back({each.index, measure.wait_ns(each), measure.distance_ns(each),
                                   score_ns(policy_, measure, each)});
  }
  std::ranges::sort(decision.candidates, {}, &Candidate::driver);
  return decision;
}

// The lowest index at or after the cursor, from the start again when there is none.
const DriverLoad* Placement::next_in_turn(std::span<const DriverLoad> loads) {
  const DriverLoad* next = nullptr;
  for (const DriverLoad& each : loads) {
    if (!each.executes) continue;
    // A driver before the cursor is as far away as if it came after all others.
    auto turn = [this](const DriverLoad& load) {
      return std::tuple(load.index < next_index_, load.index);
    };
    if (next == nullptr || turn(each) < turn(*next)) next = &each;
  }
  if (next != nullptr) next_index_ = next->index + 1;
  return next;
}

// Draws two different drivers by their rank among the indices, so that the draw does not depend on
// the order of the snapshot either.
const DriverLoad* Placement::better_of_two(std::span<const DriverLoad> loads, const Hints& hints) {
  auto count = static_cast<uint64_t>(std::ranges::count_if(loads, &DriverLoad::executes));
  if (count == 0) return nullptr;
  uint64_t first = prng_.below(count);
  uint64_t second = count == 1 ? 0 : prng_.below(count - 1);
  if (count > 1 && second >= first) ++second;
  auto at_rank = [loads](uint64_t rank) -> const DriverLoad& {
    return *std::ranges::find_if(loads, [&](const DriverLoad& each) {
      return each.executes &&
             static_cast<uint64_t>(std::ranges::count_if(loads, [&](const DriverLoad& other) {
               return other.executes && other.index < each.index;
             })) == rank;
    });
  };
  const DriverLoad& a = at_rank(first);
  const DriverLoad& b = at_rank(second);
  Measure measure(loads, hints);
  return wait_key(measure, b) < wait_key(measure, a) ? &b : &a;
}

}  // namespace gatio
