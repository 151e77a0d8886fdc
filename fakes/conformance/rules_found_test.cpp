// What random programs found: each was a disagreement of the fake with Linux 6.18 once, made small.
// On both kernels.
#include <poll.h>
#include <sys/socket.h>

#include "fakes/conformance/test_rules.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr uint32_t kLink = IOSQE_IO_LINK;
constexpr uint32_t kSelect = IOSQE_BUFFER_SELECT;

class FoundRules : public Rules {};
GATIO_ON_BOTH_KERNELS(FoundRules);

// Three requests end, but a wait for two goes on to the notification, which comes after them.
TEST_P(FoundRules, AFailedChainIsOneItemOfTaskWork) {
  begin({});
  submit_only({{.op = Op::timeout_remove, .id = 1, .target = 99, .flags = kLink},
               {.op = Op::nop, .id = 2, .flags = kLink},
               {.op = Op::nop, .id = 3, .flags = kLink},
               {.op = Op::send_zc, .id = 4}});
  std::string seen = play({.kind = StepKind::enter, .amount = 2});
  EXPECT_EQ(seen.substr(0, seen.find(';')),
            "fetched TASKRUN [#2=-ECANCELED #3=-ECANCELED #4=-ECANCELED #4=0|NOTIF]");
}

// A wait for four runs the cancel and its three victims, and not the next of the chain, which
// begins when the CQEs are posted.
TEST_P(FoundRules, AChainGoesOnWhenAllThatWasThereHasRun) {
  begin({ObjectKind::event});
  for (uint32_t id : {1, 2, 3}) {
    submit({{.op = Op::poll, .id = id, .object = 0, .option = POLLIN}});
  }
  submit_only({{.op = Op::nop, .id = 4, .flags = kLink},
               {.op = Op::cancel, .id = 5, .option = IORING_ASYNC_CANCEL_ANY, .flags = kLink},
               {.op = Op::nop, .id = 6}});
  Observation first = observe({.kind = StepKind::enter, .amount = 4, .fetch = Fetch::none});
  ASSERT_EQ(first.looks[0].seen.size(), 4u) << to_text(first);
  EXPECT_EQ(play({}), "settled TASKRUN; fetched [#6=0]");
}

// Its first CQE has come, and what it found then, the end, is task work already.
TEST_P(FoundRules, AMultishotThatIsToLookAgainCanBeCancelled) {
  begin({ObjectKind::stream}, {Group{}});
  submit({{.op = Op::send, .id = 1, .object = 0, .bytes = 1}});
  act(StepKind::peer_send, 0, 1);
  act(StepKind::peer_close, 0);
  EXPECT_EQ(submit({{.op = Op::recv_multishot, .id = 2, .object = 0, .flags = kSelect},
                    {.op = Op::cancel, .id = 3, .object = 0, .option = IORING_ASYNC_CANCEL_FD}}),
            "submitted 2 [#2=1|MORE|buffer 0 #3=0]; settled TASKRUN; fetched [#2=-ECANCELED]");
}

TEST_P(FoundRules, WhatABatchClosesEndsWithTheBatch) {
  begin({ObjectKind::listener, ObjectKind::fresh});
  submit({{.op = Op::connect, .id = 1, .object = 1, .option = 0}});
  EXPECT_EQ(submit({{.op = Op::close, .id = 2, .object = 0},
                    {.op = Op::recv, .id = 3, .object = 1, .bytes = 8}}),
            "submitted 2 [#2=0]; settled TASKRUN; fetched [#3=-ECONNRESET]");
}

// What the poll was queued for, that the socket is not connected, is no longer so.
TEST_P(FoundRules, WhoIsShutDownAfterAFailedConnectNeverConnects) {
  begin({ObjectKind::fresh, ObjectKind::listener});
  constexpr auto kNobody = static_cast<uint32_t>(kNoObject);
  submit({{.op = Op::connect, .id = 1, .object = 0, .option = kNobody}});
  submit({{.op = Op::shutdown, .id = 2, .object = 0, .option = SHUT_RD}});
  EXPECT_EQ(submit({{.op = Op::connect, .id = 3, .object = 0, .option = 1}}),
            "submitted 1 [#3=-EINVAL]");
}

// Whatever wakes it: here that the other direction ends.
TEST_P(FoundRules, WhoWaitsOnceIsIssuedAgainWhenWoken) {
  begin({ObjectKind::stream}, {Group{}});
  submit({{.op = Op::recv, .id = 1, .object = 0, .flags = IOSQE_BUFFER_SELECT}});
  play({.kind = StepKind::drop_group});
  std::string seen = submit({{.op = Op::shutdown, .id = 2, .object = 0, .option = SHUT_WR}});
  EXPECT_NE(seen.find("#1=-ENOBUFS"), std::string::npos) << seen;
}

TEST_P(FoundRules, APollThatIsToBeRemovedTooLateLooksAgain) {
  begin({ObjectKind::listener});
  act(StepKind::peer_connect, 0);
  EXPECT_EQ(submit({{.op = Op::poll_multishot, .id = 1, .object = 0, .option = POLLIN},
                    {.op = Op::poll_remove, .id = 2, .target = 1},
                    {.op = Op::accept, .id = 3, .object = 0}}),
            "submitted 3 [#2=-EALREADY #3=a descriptor]; settled TASKRUN");
}

// SHUT_RD wakes it, then bytes come: it takes them, and ends at once with what it has.
TEST_P(FoundRules, AReceiveOfAllThatIsShutDownEndsWithWhatItHas) {
  begin({ObjectKind::stream});
  submit_only({{.op = Op::recv, .id = 1, .object = 0, .bytes = 3, .option = MSG_WAITALL},
               {.op = Op::shutdown, .id = 2, .object = 0, .option = SHUT_RD}});
  std::string seen = act(StepKind::peer_send, 0, 1);
  EXPECT_NE(seen.find("#1=1"), std::string::npos) << seen;
}

TEST_P(FoundRules, ACancelFindsItsVictimAgainUntilItIsFetched) {
  begin({ObjectKind::stream});
  for (uint32_t id : {1, 2}) {
    submit({{.op = Op::recv, .id = id, .object = 0, .bytes = 8}});
  }
  std::vector<Request> cancels;
  for (uint32_t id = 3; id < 13; ++id) {
    cancels.push_back({.op = Op::cancel, .id = id, .object = 0, .option = IORING_ASYNC_CANCEL_FD});
  }
  Observation seen = observe({.kind = StepKind::submit, .requests = cancels});
  EXPECT_EQ(seen.looks[0].seen.size(), 10u);
  EXPECT_EQ(seen.looks.back().seen.size(), 1u) << to_text(seen);
}

TEST_P(FoundRules, AConnectionWakesWhoeverWaitsAndLetsHimLook) {
  begin({ObjectKind::listener, ObjectKind::fresh});
  submit_only({{.op = Op::poll_multishot, .id = 1, .object = 1}});
  EXPECT_EQ(submit({{.op = Op::connect, .id = 2, .object = 1, .option = 0}}),
            "submitted 1; settled TASKRUN; fetched [#2=0]");
}

TEST_P(FoundRules, AReceiveOfAllDoesNotSayThatItsBufferHasRoomLeft) {
  begin({ObjectKind::stream}, {Group{.count = 1, .size = 256, .incremental = true}});
  act(StepKind::peer_send, 0, 1);
  EXPECT_EQ(
      submit(
          {{.op = Op::recv, .id = 1, .object = 0, .bytes = 2, .option = MSG_WAITALL, .flags = 32},
           {.op = Op::cancel, .id = 2, .target = 1}}),
      "submitted 2 [#2=0]; settled TASKRUN; fetched [#1=1|buffer 0]");
  // It has room: another gets it.
  act(StepKind::peer_send, 0, 3);
  EXPECT_EQ(submit({{.op = Op::recv, .id = 3, .object = 0, .flags = kSelect}}),
            "submitted 1 [#3=3|BUF_MORE|buffer 0]");
}

// The buffer that had one byte left when nothing came is gone when something does.
TEST_P(FoundRules, AReceiveThatWaitedTakesNoMoreThanItsFirstBufferHad) {
  begin({ObjectKind::stream, ObjectKind::stream},
        {Group{.count = 2, .size = 16, .incremental = true}});
  act(StepKind::peer_send, 0, 15);
  submit({{.op = Op::recv, .id = 1, .object = 0, .flags = kSelect}});
  submit({{.op = Op::recv_multishot, .id = 2, .object = 1, .flags = kSelect}});
  act(StepKind::peer_send, 0, 1);
  submit({{.op = Op::recv, .id = 3, .object = 0, .flags = kSelect}});
  EXPECT_EQ(act(StepKind::peer_send, 1, 5),
            "result 5; settled TASKRUN; fetched [#2=1|MORE|NONEMPTY|BUF_MORE|buffer 1 "
            "#2=4|MORE|BUF_MORE|buffer 1]");
}

TEST_P(FoundRules, OneCqeEndsAllTimeoutsThatWaitForOne) {
  begin({});
  submit({{.op = Op::timeout, .id = 1, .bytes = 1, .option = kLong}});
  EXPECT_EQ(submit({{.op = Op::close, .id = 2},
                    {.op = Op::timeout, .id = 3, .bytes = 1, .option = kLong}}),
            "submitted 2 [#2=-EBADF]; settled TASKRUN; fetched [#1=0 #3=0]");
}

// The count falls below where it was, which Linux takes for far above.
TEST_P(FoundRules, ATimeoutThatEndsWithoutACqeEndsThoseThatCount) {
  begin({});
  EXPECT_EQ(submit({{.op = Op::timeout, .id = 1, .bytes = 1, .option = kLong},
                    {.op = Op::timeout,
                     .id = 2,
                     .option = IORING_TIMEOUT_ETIME_SUCCESS,
                     .flags = IOSQE_CQE_SKIP_SUCCESS}}),
            "submitted 2; settled TASKRUN; fetched [#1=0]");
}

TEST_P(FoundRules, TheCqesOfTimeoutsEndNoneThatCounts) {
  begin({});
  std::string seen = submit({{.op = Op::timeout, .id = 1, .bytes = 1, .option = kLong},
                             {.op = Op::timeout_multishot, .id = 2, .bytes = 2},
                             {.op = Op::timeout_multishot, .id = 3, .bytes = 2}});
  EXPECT_EQ(seen.find("#1="), std::string::npos) << seen;
}

TEST_P(FoundRules, ADatagramIsRefusedBeforeTheNextOfItsChain) {
  begin({ObjectKind::datagram});
  submit_only({{.op = Op::send, .id = 1, .object = 0, .bytes = 1, .flags = kLink},
               {.op = Op::send, .id = 2, .object = 0, .bytes = 1, .flags = kLink},
               {.op = Op::send, .id = 3, .object = 0, .bytes = 1}});
  EXPECT_EQ(act(StepKind::peer_close, 0), "settled TASKRUN; fetched [#2=1 #3=-ECONNREFUSED]");
}

}  // namespace
}  // namespace gatio::fakes::conformance
