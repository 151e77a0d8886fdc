#include "runtime/task/stop.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gatio {
namespace {

struct Counting : StopCallback {
  Counting() : StopCallback(&called) {}
  int calls = 0;
  static void called(StopCallback* callback) { ++static_cast<Counting*>(callback)->calls; }
};

TEST(Stop, CallsEachCallbackOnceHoweverOftenItIsRequested) {
  StopSource source;
  Counting one, other;
  one.join(source);
  other.join(source);
  source.request_stop();
  source.request_stop();
  EXPECT_EQ(one.calls, 1);
  EXPECT_EQ(other.calls, 1);
  EXPECT_TRUE(source.stop_requested());
}

TEST(Stop, ACallbackThatHasLeftIsNotCalled) {
  StopSource source;
  Counting first, middle, last;
  first.join(source);
  middle.join(source);
  last.join(source);
  middle.leave();
  middle.leave();
  source.request_stop();
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(middle.calls, 0);
  EXPECT_EQ(last.calls, 1);
}

TEST(Stop, ACallbackMayTakeAnotherOutWhileTheRequestGoesRound) {
  struct TakesOut : StopCallback {
    explicit TakesOut(StopCallback& its_victim) : StopCallback(&called), victim(its_victim) {}
    StopCallback& victim;
    static void called(StopCallback* callback) { static_cast<TakesOut*>(callback)->victim.leave(); }
  };
  StopSource source;
  Counting victim;
  TakesOut one(victim);
  victim.join(source);
  one.join(source);  // The one that joined last is called first.
  source.request_stop();
  EXPECT_EQ(victim.calls, 0);
}

TEST(Stop, ANarrowSourceStopsWithTheWiderOneAndNotTheOtherWayRound) {
  StopSource wide;
  NarrowStop narrow(wide), other(wide);
  narrow.request_stop();
  EXPECT_FALSE(wide.stop_requested());
  EXPECT_FALSE(other.stop_requested());
  wide.request_stop();
  EXPECT_TRUE(other.stop_requested());
}

TEST(Stop, ANarrowSourceOfAStoppedOneIsStoppedFromTheBeginning) {
  StopSource wide;
  wide.request_stop();
  NarrowStop narrow(wide);
  NarrowStop narrower(static_cast<StopSource&>(narrow));
  EXPECT_TRUE(narrower.stop_requested());
}

TEST(Stop, ATokenSeesTheRequest) {
  StopSource source;
  StopToken token(source);
  EXPECT_FALSE(token.stop_requested());
  source.request_stop();
  EXPECT_TRUE(token.stop_requested());
}

}  // namespace
}  // namespace gatio
