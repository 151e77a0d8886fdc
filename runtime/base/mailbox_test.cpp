#include "runtime/base/mailbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/base/testing.hpp"

namespace gatio {
namespace {

struct Message : Work {
  int sender = 0;
  int number = 0;
};

TEST(Mailbox, GivesItsMessagesOldestFirst) {
  Mailbox mailbox;
  Message messages[3];
  for (Message& each : messages) EXPECT_FALSE(mailbox.push(each));
  EXPECT_TRUE(mailbox.has_mail());
  IntrusiveQueue<Work> taken = mailbox.take();
  for (Message& each : messages) EXPECT_EQ(taken.pop(), &each);
  EXPECT_TRUE(taken.empty());
  EXPECT_FALSE(mailbox.has_mail());
}

TEST(Mailbox, TellsOneSenderThatItsOwnerIsParked) {
  Mailbox mailbox;
  Message first, second;
  ASSERT_TRUE(mailbox.park());
  EXPECT_TRUE(mailbox.is_parked());
  EXPECT_FALSE(mailbox.has_mail());
  EXPECT_TRUE(mailbox.push(first));
  EXPECT_FALSE(mailbox.push(second));
  IntrusiveQueue<Work> taken = mailbox.take();
  EXPECT_EQ(taken.pop(), &first);
  EXPECT_EQ(taken.pop(), &second);
}

TEST(Mailbox, RefusesToParkWithMail) {
  Mailbox mailbox;
  Message message;
  EXPECT_FALSE(mailbox.push(message));
  EXPECT_FALSE(mailbox.park());
  EXPECT_EQ(mailbox.take().pop(), &message);
  EXPECT_TRUE(mailbox.park());
}

TEST(Mailbox, ATakeEndsBeingParked) {
  Mailbox mailbox;
  Message message;
  ASSERT_TRUE(mailbox.park());
  EXPECT_TRUE(mailbox.take().empty());
  EXPECT_FALSE(mailbox.is_parked());
  EXPECT_FALSE(mailbox.push(message));
}

// One owner that parks whenever it finds nothing, as a driver does, and some senders. In no order
// may the owner sleep for ever, be woken without having parked, or see a sender's messages out of
// order.
size_t explore_parking(const std::vector<int>& messages_of_sender) {
  struct State {
    Mailbox mailbox;
    std::vector<std::vector<Message>> messages;
    std::vector<Message*> taken;
    size_t total = 0;
    int parks = 0, wakes = 0;
    bool woken = false;
  };
  std::unique_ptr<State> state;
  EveryOrder orders;
  auto make = [&] {
    state = std::make_unique<State>();
    std::vector<EveryOrder::Actor> actors;
    actors.push_back([&] {
      while (state->taken.size() < state->total) {
        IntrusiveQueue<Work> mail = state->mailbox.take();
        while (Work* work = mail.pop()) state->taken.push_back(static_cast<Message*>(work));
        if (state->taken.size() == state->total || !state->mailbox.park()) continue;
        ++state->parks;
        orders.wait_until([&] { return state->woken; });
        state->woken = false;
      }
    });
    for (size_t sender = 0; sender < messages_of_sender.size(); ++sender) {
      auto count = static_cast<size_t>(messages_of_sender[sender]);
      state->messages.emplace_back(count);
      state->total += count;
      actors.push_back([&, sender] {
        int number = 0;
        for (Message& each : state->messages[sender]) {
          each.sender = static_cast<int>(sender);
          each.number = number++;
          if (!state->mailbox.push(each)) continue;
          ++state->wakes;
          state->woken = true;
        }
      });
    }
    return actors;
  };
  auto check = [&](bool stuck) {
    EXPECT_FALSE(stuck) << "a wake-up was lost";
    EXPECT_EQ(state->wakes, state->parks);
    std::vector<int> next(messages_of_sender.size(), 0);
    for (Message* each : state->taken)
      EXPECT_EQ(each->number, next[static_cast<size_t>(each->sender)]++);
    return !testing::Test::HasFailure();
  };
  return orders.explore(make, check);
}

TEST(Mailbox, NoOrderOfTwoSendersAndTheOwnerLosesAWakeUp) {
  GATIO_NEEDS_CONTEXTS();
  EXPECT_GT(explore_parking({1, 1}), 1000u);
}

TEST(Mailbox, NoOrderOfOneSenderWithTwoMessagesLosesAWakeUpOrTheirOrder) {
  GATIO_NEEDS_CONTEXTS();
  EXPECT_GT(explore_parking({2}), 100u);
}

// For ThreadSanitizer: what the owner wrote before it parked is seen by the sender that is told so.
TEST(Mailbox, WhoMustWakeTheOwnerSeesWhatItWroteBefore) {
  for (int round = 1; round <= 50; ++round) {
    Mailbox mailbox;
    Message message;
    int written = 0;
    int seen = 0;
    std::thread sender([&] {
      while (!mailbox.is_parked()) std::this_thread::yield();
      if (mailbox.push(message)) seen = written;
    });
    written = round;
    EXPECT_TRUE(mailbox.park());
    sender.join();
    EXPECT_EQ(seen, round);
  }
}

// For ThreadSanitizer: what the senders wrote is seen by the owner, and nothing is lost.
TEST(Mailbox, ThreadsThatPushWhileTheOwnerTakesAndParksLoseNothing) {
  constexpr int kSenders = 3;
  constexpr int kEach = 20'000;
  Mailbox mailbox;
  std::vector<std::vector<Message>> messages(kSenders);
  std::atomic<int> wakes{0};
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    messages[static_cast<size_t>(sender)] = std::vector<Message>(kEach);
    senders.emplace_back([&, sender] {
      for (int number = 0; number < kEach; ++number) {
        Message& message = messages[static_cast<size_t>(sender)][static_cast<size_t>(number)];
        message.sender = sender;
        message.number = number;
        if (mailbox.push(message)) wakes.fetch_add(1, std::memory_order_release);
      }
    });
  }
  int taken = 0, woken = 0;
  std::vector<int> next(kSenders, 0);
  bool in_order = true;
  while (taken < kSenders * kEach) {
    IntrusiveQueue<Work> mail = mailbox.take();
    while (Work* work = mail.pop()) {
      auto* message = static_cast<Message*>(work);
      in_order &= message->number == next[static_cast<size_t>(message->sender)]++;
      ++taken;
    }
    if (taken == kSenders * kEach || !mailbox.park()) continue;
    while (wakes.load(std::memory_order_acquire) == woken) std::this_thread::yield();
    ++woken;
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(wakes.load(), woken);
}

}  // namespace
}  // namespace gatio
