#include "runtime/driver/timers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>
#include <vector>

namespace gatio {
namespace {

struct Noted : Timer {
  explicit Noted(int its_name, std::vector<int>& its_log)
      : Timer(&note), name(its_name), log(its_log) {}
  static void note(Timer* timer) {
    auto* self = static_cast<Noted*>(timer);
    self->log.push_back(self->name);
  }
  int name;
  std::vector<int>& log;
};

// The model: timers by deadline, ties in the order of arming.
RC_GTEST_PROP(Timers, DoWhatAMultimapDoes, ()) {
  Timers timers;
  std::vector<int> log, expected;
  std::deque<Noted> all;
  for (int i = 0; i < 12; ++i) all.emplace_back(i, log);
  std::multimap<uint64_t, int> model;
  uint64_t now = 0;
  auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 4), rc::gen::inRange(0, 12), rc::gen::inRange(0, 40)));
  for (auto [what, which, time] : steps) {
    Noted& timer = all[static_cast<size_t>(which)];
    if (what == 3) {
      now += static_cast<uint64_t>(time) / 2;
      timers.expire(now);
      while (!model.empty() && model.begin()->first <= now) {
        expected.push_back(model.begin()->second);
        model.erase(model.begin());
      }
    } else if (what == 2) {
      timers.disarm(timer);
      std::erase_if(model, [&](const auto& entry) { return entry.second == which; });
    } else if (!timer.armed()) {
      timers.arm(timer, now + static_cast<uint64_t>(time));
      model.emplace(now + static_cast<uint64_t>(time), which);
    }
    RC_ASSERT(log == expected);
    RC_ASSERT(timers.empty() == model.empty());
    RC_ASSERT(timers.next_deadline_ns() == (model.empty() ? Timers::kNever : model.begin()->first));
  }
  for (Noted& each : all) timers.disarm(each);
  RC_ASSERT(timers.empty());
}

TEST(Timers, OneThatArmsItselfForThePastWaitsForTheNextCall) {
  struct Again : Timer {
    explicit Again(Timers& its_timers) : Timer(&expired), timers(its_timers) {}
    static void expired(Timer* timer) {
      auto* self = static_cast<Again*>(timer);
      ++self->count;
      self->timers.arm(*self, 0);
    }
    Timers& timers;
    int count = 0;
  };
  Timers timers;
  Again again(timers);
  timers.arm(again, 5);
  timers.expire(10);
  EXPECT_EQ(again.count, 1);
  timers.expire(10);
  EXPECT_EQ(again.count, 2);
  timers.disarm(again);
}

TEST(Timers, OneMayTakeAnotherOutThatIsDueAsWell) {
  struct TakesOut : Timer {
    TakesOut(Timers& its_timers, Timer& its_victim)
        : Timer(&expired), timers(its_timers), victim(its_victim) {}
    static void expired(Timer* timer) {
      auto* self = static_cast<TakesOut*>(timer);
      self->timers.disarm(self->victim);
    }
    Timers& timers;
    Timer& victim;
  };
  Timers timers;
  std::vector<int> log;
  Noted victim(1, log);
  TakesOut first(timers, victim);
  timers.arm(first, 1);
  timers.arm(victim, 1);
  timers.expire(1);
  EXPECT_TRUE(log.empty());
}

}  // namespace
}  // namespace gatio
