// The one source of all that is left open in a simulated run: which driver turns, which completion
// comes first, how long a packet travels, which fault strikes. A run is its choice sequence: the
// same sequence gives the same run, and a shorter or smaller one gives a tamer run, since 0 is
// always the tamest choice (go on with whoever runs, first come first served, no fault). Owned by
// whoever starts the run; the simulation's one thread only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/assert.hpp"
#include "runtime/base/prng.hpp"

namespace gatio::fakes {

enum class ChoiceKind : uint8_t {
  thread,   // which driver runs next
  preempt,  // whether a driver is interrupted at a sync point
  order,    // which of several that may come in any order comes first
  delay,    // how long something takes
  amount,   // how many bytes, how many items
  fault,    // whether something fails, and how
  program,  // what a generated program or a simulated client does
};

struct Choice {
  ChoiceKind kind = ChoiceKind::order;
  uint32_t bound = 1;
  uint32_t value = 0;
  bool last_or_none = false;  // all values but the last mean the same
};

class Choices {
 public:
  // Random from `seed`.
  explicit Choices(uint64_t seed) : prng_(seed) {}
  // Plays back `list`: a value beyond its bound is taken modulo, and behind the end all are 0.
  explicit Choices(std::vector<uint32_t> list) : prng_(0), replays_(true), list_(std::move(list)) {}

  // A number in [0, bound). Where there is nothing to choose nothing is recorded.
  uint32_t choose(ChoiceKind kind, uint32_t bound) {
    GATIO_ASSERT(bound > 0);
    if (bound == 1) return 0;
    return settle(kind, bound, replays_ ? 0 : static_cast<uint32_t>(prng_.below(bound)));
  }
  // True in one of `n` cases, never when n is 0.
  bool one_in(ChoiceKind kind, uint32_t n) {
    if (n == 0) return false;
    bool strikes = choose(kind, n + 1) == n;
    if (records_) made_.back().last_or_none = true;
    if (kind == ChoiceKind::fault && strikes) ++faults_;
    return strikes;
  }
  // Records what a strategy of the caller's has decided, or replays what it decided then.
  uint32_t settle(ChoiceKind kind, uint32_t bound, uint32_t value) {
    if (replays_) value = at_ < list_.size() ? list_[at_] % bound : 0;
    ++at_;
    if (records_) made_.push_back({.kind = kind, .bound = bound, .value = value});
    return value;
  }

  // For a strategy that needs numbers which are no choice of the run: what it decides with them
  // goes through settle().
  Prng& strategy_prng() { return prng_; }

  void record(bool on) { records_ = on; }
  [[nodiscard]] const std::vector<Choice>& made() const { return made_; }
  [[nodiscard]] uint64_t count() const { return at_; }
  // How many faults have struck.
  [[nodiscard]] uint64_t faults() const { return faults_; }

 private:
  Prng prng_;
  bool replays_ = false;
  bool records_ = true;
  std::vector<uint32_t> list_;
  uint64_t at_ = 0;
  uint64_t faults_ = 0;
  std::vector<Choice> made_;
};

}  // namespace gatio::fakes
