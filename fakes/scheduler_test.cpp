// The scheduler: that each thread comes to its end, that time passes only where it must, that
// preemption makes reachable what whole turns cannot show, and that a run is its choice sequence.
#include "fakes/scheduler.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace gatio::fakes {
namespace {

// Two threads that add to a counter by reading, giving others a chance, and writing.
uint64_t lost_updates(Choices& choices, const SchedulerOptions& options, bool keep_trace = false,
                      uint64_t* hash = nullptr) {
  World world(choices);
  world.trace.keep(keep_trace);
  Scheduler scheduler(world, options);
  world.execution = &scheduler;
  uint64_t counter = 0;
  for (int thread = 0; thread < 2; ++thread) {
    scheduler.add(
        "adder",
        [&] {
          for (int i = 0; i < 3; ++i) {
            uint64_t read = counter;
            scheduler.sync_point();
            counter = read + 1;
            scheduler.give_way();
          }
        },
        [] {});
  }
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  if (hash != nullptr) *hash = world.trace.hash();
  return 6 - counter;
}

uint64_t runs_until_lost(const SchedulerOptions& options, uint64_t most) {
  for (uint64_t seed = 1; seed <= most; ++seed) {
    Choices choices(seed);
    if (lost_updates(choices, options) > 0) return seed;
  }
  return 0;
}

TEST(Scheduler, WholeTurnsNeverLoseAnUpdate) {
  EXPECT_EQ(runs_until_lost({.preempt_one_in = 0}, 2'000), 0u);
}

TEST(Scheduler, PreemptionLosesAnUpdateSoon) {
  uint64_t found = runs_until_lost({.preempt_one_in = 4}, 2'000);
  EXPECT_GT(found, 0u);
  EXPECT_LT(found, 50u);
}

TEST(Scheduler, PctLosesAnUpdateSoon) {
  uint64_t found = runs_until_lost(
      {.strategy = Strategy::pct, .preempt_one_in = 4, .pct_depth = 3, .pct_steps = 8}, 2'000);
  EXPECT_GT(found, 0u);
  EXPECT_LT(found, 200u);
}

TEST(Scheduler, TheSameSeedGivesTheSameRun) {
  for (Strategy strategy : {Strategy::random, Strategy::pct}) {
    SchedulerOptions options{.strategy = strategy, .preempt_one_in = 4, .pct_steps = 8};
    std::set<uint64_t> hashes;
    for (uint64_t seed = 1; seed < 30; ++seed) {
      uint64_t first = 0;
      uint64_t second = 0;
      Choices a(seed);
      Choices b(seed);
      lost_updates(a, options, false, &first);
      lost_updates(b, options, true, &second);
      EXPECT_EQ(first, second);
      hashes.insert(first);
    }
    EXPECT_GT(hashes.size(), 3u);  // They are not all the same run.
  }
}

// What pct decided is replayed without pct: the list of choices is the run.
TEST(Scheduler, TheChoicesOfARunReplayIt) {
  for (Strategy strategy : {Strategy::random, Strategy::pct}) {
    for (uint64_t seed = 1; seed < 100; ++seed) {
      SchedulerOptions options{.strategy = strategy, .preempt_one_in = 4, .pct_steps = 8};
      Choices choices(seed);
      uint64_t hash = 0;
      uint64_t lost = lost_updates(choices, options, false, &hash);
      std::vector<uint32_t> list;
      for (const Choice& each : choices.made()) list.push_back(each.value);
      Choices again(list);
      uint64_t replayed = 0;
      EXPECT_EQ(lost_updates(again, {.preempt_one_in = 4}, false, &replayed), lost);
      EXPECT_EQ(replayed, hash);
    }
  }
}

// 0 is always the tamest choice: round robin, and nobody is interrupted.
TEST(Scheduler, WithoutChoicesItGoesRound) {
  Choices none(std::vector<uint32_t>{});
  EXPECT_EQ(lost_updates(none, {.preempt_one_in = 4}), 0u);
}

TEST(Scheduler, ASleepEndsAtItsDeadlineAndNotBefore) {
  Choices choices(1);
  World world(choices);
  Scheduler scheduler(world, {});
  world.execution = &scheduler;
  uint64_t begun_ns = world.now_ns;
  uint64_t woken_ns = 0;
  scheduler.add(
      "sleeper",
      [&] {
        Sleeper sleeper;
        EXPECT_TRUE(scheduler.sleep(sleeper, world.now_ns + 5'000));
        EXPECT_FALSE(sleeper.woken);
        woken_ns = scheduler.now_ns();
      },
      [] {});
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_EQ(woken_ns, begun_ns + 5'000);
}

TEST(Scheduler, TimeThatPassesWhileNobodyRunsIsSeenBeforeAnybodyRuns) {
  Choices choices(1);
  World world(choices);
  Scheduler scheduler(world, {});
  world.execution = &scheduler;
  const uint64_t deadline_ns = world.now_ns + 5'000;
  bool awake = false;
  bool seen = false;
  scheduler.set_idle_observer([&] {
    EXPECT_EQ(world.now_ns, deadline_ns);
    EXPECT_TRUE(scheduler.asleep(0));
    seen = !awake;
  });
  scheduler.add(
      "sleeper",
      [&] {
        Sleeper sleeper;
        EXPECT_TRUE(scheduler.sleep(sleeper, deadline_ns));
        awake = true;
      },
      [] {});
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_TRUE(seen);
}

TEST(Scheduler, ASleeperIsWokenByAnother) {
  Choices choices(1);
  World world(choices);
  Scheduler scheduler(world, {});
  world.execution = &scheduler;
  Sleeper sleeper;
  bool slept = false;
  scheduler.add(
      "sleeper",
      [&] {
        EXPECT_TRUE(scheduler.sleep(sleeper, Events::kNever));
        slept = sleeper.woken;
      },
      [] {});
  scheduler.add(
      "waker",
      [&] {
        while (!sleeper.asleep) scheduler.give_way();
        scheduler.wake(sleeper);
      },
      [] {});
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_TRUE(slept);
}

// A run in a deadlock cannot be unwound, so it is left as it is: leaked, on purpose.
TEST(Scheduler, NobodyWhoCouldGoOnIsADeadlock) {
  static Choices choices(1);
  auto* world = new World(choices);
  auto* scheduler = new Scheduler(*world, {});
  world->execution = scheduler;
  scheduler->add(
      "waits",
      [scheduler] {
        Sleeper sleeper;
        static_cast<void>(scheduler->sleep(sleeper, Events::kNever));
      },
      [] {});
  EXPECT_EQ(scheduler->run(), Scheduler::End::deadlock);
  EXPECT_EQ(scheduler->describe(), "waits sleeps");
  static Scheduler* leaked = nullptr;  // still reachable: no leak for LeakSanitizer
  leaked = scheduler;
  static World* leaked_world = nullptr;
  leaked_world = world;
  EXPECT_NE(leaked, nullptr);
  EXPECT_NE(leaked_world, nullptr);
}

TEST(Scheduler, AnEndlessRunIsNoticed) {
  static Choices choices(1);
  static World* world = new World(choices);
  static Scheduler* scheduler = new Scheduler(*world, {.most_steps = 100});
  world->execution = scheduler;
  scheduler->add(
      "spins",
      [] {
        for (;;) scheduler->give_way();
      },
      [] {});
  EXPECT_EQ(scheduler->run(), Scheduler::End::too_long);
}

// Whoever is alone goes on without a switch of the stack, and all else is as if there were one.
TEST(Scheduler, StepsOfOneAloneAreObservedAndCounted) {
  Choices choices(1);
  World world(choices);
  Scheduler scheduler(world, {.turn_ns = 1'000});
  world.execution = &scheduler;
  struct Due : Event {
    Due() : Event([](Event* event) { static_cast<Due*>(event)->fired = true; }) {}
    bool fired = false;
  } due;
  world.events.schedule(due, world.now_ns + 3'500);
  unsigned entered = 0, left = 0, observed = 0;
  std::vector<bool> saw;
  scheduler.set_leave([&] { ++left; });
  scheduler.set_observer([&] { ++observed; });
  scheduler.add(
      "alone",
      [&] {
        for (int turn = 0; turn < 5; ++turn) {
          scheduler.give_way();
          saw.push_back(due.fired);
        }
      },
      [&] { ++entered; });
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_EQ(saw, (std::vector<bool>{false, false, false, true, true}));
  EXPECT_EQ(scheduler.steps(), 6u);
  EXPECT_EQ(world.trace.count(), 6u);
  EXPECT_EQ(entered, 6u);
  EXPECT_EQ(left, 6u);
  EXPECT_EQ(observed, 6u);
}

// A sleeper that nobody woke is not told that somebody had: the kernel would go back to sleep.
TEST(Scheduler, WithClocksADeadlineIsNoWakeUp) {
  Choices choices(1);
  World world(choices);
  Scheduler scheduler(world, {.strategy = Strategy::clocks});
  world.execution = &scheduler;
  uint64_t begun_ns = world.now_ns;
  scheduler.add(
      "sleeper",
      [&] {
        Sleeper sleeper;
        EXPECT_TRUE(scheduler.sleep(sleeper, begun_ns + 5'000));
        EXPECT_FALSE(sleeper.woken);
        EXPECT_EQ(scheduler.now_ns(), begun_ns + 5'000);
      },
      [] {});
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
}

// The choices: who is first, that it dies, and that it does so for ever.
TEST(Scheduler, ADeadThreadTakesNoTurnUntilItIsRevived) {
  Choices choices(std::vector<uint32_t>{0, 1, kOutages - 1});
  World world(choices);
  world.faults.dead_thread = 1;
  Scheduler scheduler(world, {});
  world.execution = &scheduler;
  std::vector<int> turns(2);
  bool revived = false;
  for (size_t self = 0; self < 2; ++self) {
    scheduler.add(
        "worker",
        [&, self] {
          for (int i = 0; i < 5; ++i) {
            ++turns[self];
            scheduler.give_way();
          }
          if (!scheduler.dead()) return;
          EXPECT_EQ(turns[*scheduler.dead()], 1);
          world.faults = {};
          scheduler.revive();
          revived = true;
        },
        [] {});
  }
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_TRUE(revived);
  EXPECT_EQ(turns, (std::vector<int>{5, 5}));
  EXPECT_EQ(choices.faults(), 1u);
}

TEST(Scheduler, AThreadThatDiesForAWhileGoesOnByItself) {
  Choices choices(std::vector<uint32_t>{1, 0});
  World world(choices);
  world.faults.dead_thread = 1;
  Scheduler scheduler(world, {});
  world.execution = &scheduler;
  uint64_t begun_ns = world.now_ns;
  scheduler.add(
      "worker",
      [&] {
        scheduler.give_way();
        world.faults = {};
      },
      [] {});
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_GE(world.now_ns, begun_ns + kShortestOutageNs);
}

TEST(Scheduler, WhereAllButADeadOneHaveEndedIsADeadlockThatNamesIt) {
  static Choices choices(std::vector<uint32_t>{1, kOutages - 1});
  static World* world = new World(choices);
  world->faults.dead_thread = 1;
  static Scheduler* scheduler = new Scheduler(*world, {});
  world->execution = scheduler;
  scheduler->add(
      "worker", [] { scheduler->give_way(); }, [] {});
  EXPECT_EQ(scheduler->run(), Scheduler::End::deadlock);
  EXPECT_EQ(scheduler->describe(), "worker is dead");
}

// With clocks of their own whoever is furthest behind turns next, and nothing is left to choice.
TEST(Scheduler, ClocksRunWhoIsFurthestBehind) {
  Choices choices(1);
  World world(choices);
  Scheduler scheduler(world, {.strategy = Strategy::clocks, .turn_ns = 0});
  world.execution = &scheduler;
  std::vector<int> order;
  for (int thread = 0; thread < 2; ++thread) {
    scheduler.add(
        "worker",
        [&, thread] {
          for (int i = 0; i < 4; ++i) {
            order.push_back(thread);
            scheduler.spend(thread == 0 ? 300 : 100);
            scheduler.give_way();
          }
        },
        [] {});
  }
  EXPECT_EQ(scheduler.run(), Scheduler::End::all_ended);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 1, 1, 0, 1, 0, 0}));
  EXPECT_EQ(choices.count(), 0u);
}

}  // namespace
}  // namespace gatio::fakes
