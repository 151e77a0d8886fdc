// The rules U1-U17 on both kernels: setup, submission, delivery, overflow, waiting.
//
// Left out: U13, which speaks of rings without DEFER_TASKRUN, and U18, signals, which the fake
// gives by its plan of faults and not by rule.
#include <poll.h>

#include "fakes/conformance/test_rules.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr unsigned kFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                            IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;

class RingRules : public Rules {
 protected:
  // What ring_setup says; the ring is closed again.
  int set_up(unsigned entries, unsigned flags, unsigned cq_entries = 0) {
    params_ = {};
    params_.flags = flags;
    params_.cq_entries = cq_entries;
    io_uring ring{};
    int result = kernel().ring_setup(entries, params_, ring);
    if (result >= 0) kernel().ring_close(ring);
    return result < 0 ? result : 0;
  }
  std::vector<Request> nops(uint32_t first, uint32_t count) {
    std::vector<Request> all;
    for (uint32_t i = 0; i < count; ++i) all.push_back({.op = Op::nop, .id = first + i});
    return all;
  }
  io_uring_params params_{};
};
GATIO_ON_BOTH_KERNELS(RingRules);

TEST_P(RingRules, U1EntriesAreRoundedUp) {
  EXPECT_EQ(set_up(5, kFlags), 0);
  EXPECT_EQ(params_.sq_entries, 8u);
  EXPECT_EQ(params_.cq_entries, 16u);
  EXPECT_EQ(set_up(8, kFlags | IORING_SETUP_CQSIZE, 20), 0);
  EXPECT_EQ(params_.cq_entries, 32u);
}

TEST_P(RingRules, U1SizesThatCannotBeAreRefused) {
  EXPECT_EQ(set_up(8, kFlags | IORING_SETUP_CQSIZE, 4), -EINVAL);
  EXPECT_EQ(set_up(0, kFlags), -EINVAL);
  EXPECT_EQ(set_up(32769, kFlags), -EINVAL);
  EXPECT_EQ(set_up(32769, kFlags | IORING_SETUP_CLAMP), 0);
}

TEST_P(RingRules, U2FlagsThatDoNotFitAreRefused) {
  EXPECT_EQ(set_up(8, IORING_SETUP_DEFER_TASKRUN), -EINVAL);
  EXPECT_EQ(set_up(8, IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER), -EINVAL);
  EXPECT_EQ(set_up(8, kFlags | IORING_SETUP_SQPOLL), -EINVAL);
  EXPECT_EQ(set_up(8, kFlags | (1U << 30)), -EINVAL);
}

TEST_P(RingRules, U3ADisabledRingIsEnteredByNobody) {
  params_.flags = kFlags | IORING_SETUP_R_DISABLED;
  io_uring ring{};
  ASSERT_EQ(kernel().ring_setup(8, params_, ring), 0);
  EXPECT_EQ(kernel().ring_enter(ring, 0, 0, IORING_ENTER_GETEVENTS, nullptr, 0), -EBADFD);
  host_->as_stranger([&] {
    EXPECT_EQ(kernel().ring_register(ring, IORING_REGISTER_ENABLE_RINGS, nullptr, 0), 0);
  });
  EXPECT_EQ(kernel().ring_enter(ring, 0, 0, IORING_ENTER_GETEVENTS, nullptr, 0), -EEXIST);
  kernel().ring_close(ring);
}

TEST_P(RingRules, U4AStrangerMayNeitherSubmitNorFetch) {
  params_.flags = kFlags;
  io_uring ring{};
  ASSERT_EQ(kernel().ring_setup(8, params_, ring), 0);
  io_uring_prep_nop(io_uring_get_sqe(&ring));
  *ring.sq.ktail = ring.sq.sqe_tail;
  host_->as_stranger([&] {
    EXPECT_EQ(kernel().ring_enter(ring, 1, 0, 0, nullptr, 0), -EEXIST);
    EXPECT_EQ(kernel().ring_enter(ring, 0, 0, IORING_ENTER_GETEVENTS, nullptr, 0), -EEXIST);
    EXPECT_EQ(kernel().ring_enter(ring, 0, 0, 0, nullptr, 0), 0);
    int none[] = {-1};
    EXPECT_EQ(kernel().ring_register(ring, IORING_REGISTER_FILES, none, 1), -EEXIST);
  });
  kernel().ring_close(ring);
}

TEST_P(RingRules, U5EnterSaysHowManyItTook) {
  params_.flags = kFlags;
  io_uring ring{};
  ASSERT_EQ(kernel().ring_setup(8, params_, ring), 0);
  io_uring_prep_nop(io_uring_get_sqe(&ring));
  *ring.sq.ktail = ring.sq.sqe_tail;
  EXPECT_EQ(kernel().ring_enter(ring, 10, 0, 0, nullptr, 0), 1);
  EXPECT_EQ(kernel().ring_enter(ring, 10, 0, 0, nullptr, 0), 0);
  kernel().ring_close(ring);
}

TEST_P(RingRules, U6ABadSqeDoesNotStopTheBatch) {
  begin({ObjectKind::stream});
  EXPECT_EQ(submit({{.op = Op::nop, .id = 1},
                    {.op = Op::recv_multishot, .id = 2, .object = 0},
                    {.op = Op::nop, .id = 3}}),
            "submitted 3 [#1=0 #2=-EINVAL #3=0]");
}

TEST_P(RingRules, U6WithoutSubmitAllABadSqeStopsTheBatch) {
  PlainRing ring;
  ASSERT_EQ(ring.open(kernel(), 4, 8, PlainRing::Batch::stops), 0);
  for (uint64_t id = 1; id <= 4; ++id) {
    io_uring_sqe* sqe = ring.sqe();
    io_uring_prep_nop(sqe);
    if (id == 2) sqe->ioprio = 1;
    sqe->user_data = id;
  }
  std::string seen;
  auto submit = [&] {
    int taken = ring.submit(0, 0);
    while (const io_uring_cqe* cqe = ring.look()) {
      seen += std::to_string(cqe->user_data) + ":" + std::to_string(cqe->res) + " ";
    }
    return taken;
  };
  EXPECT_EQ(submit(), 2);
  EXPECT_EQ(seen, "1:0 2:-22 ");
  EXPECT_EQ(submit(), 2) << "the rest stayed";
  EXPECT_EQ(seen, "1:0 2:-22 3:0 4:0 ");
}

TEST_P(RingRules, U7ABadSqeInAChainCancelsAllOthers) {
  begin({ObjectKind::stream});
  std::string seen =
      submit({{.op = Op::nop, .id = 1, .flags = IOSQE_IO_LINK},
              {.op = Op::recv_multishot, .id = 2, .object = 0, .flags = IOSQE_IO_LINK},
              {.op = Op::nop, .id = 3},
              {.op = Op::nop, .id = 4}});
  EXPECT_NE(seen.find("#1=-ECANCELED"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=-EINVAL"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#3=-ECANCELED"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#4=0"), std::string::npos) << seen;
}

TEST_P(RingRules, U8WhatCanEndAtOnceEndsInsideSubmit) {
  begin({ObjectKind::stream}, {Group{}});
  EXPECT_EQ(act(StepKind::peer_send, 0, 10), "result 10");
  EXPECT_EQ(submit_only({{.op = Op::nop, .id = 1},
                         {.op = Op::send, .id = 2, .object = 0, .bytes = 3},
                         {.op = Op::recv, .id = 3, .object = 0, .bytes = 4},
                         {.op = Op::recv_multishot, .id = 4, .object = 0, .flags = 32}}),
            "submitted 4 [#1=0 #2=3 #3=4|NONEMPTY #4=6|MORE|buffer 0]");
}

TEST_P(RingRules, U9AFullSqGivesNoSqeAndAFullCqRefusesNothing) {
  PlainRing ring;
  ASSERT_EQ(ring.open(kernel(), 4, 4), 0);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) io_uring_prep_nop(ring.sqe());
    EXPECT_EQ(ring.sqe(), nullptr);
    EXPECT_EQ(ring.submit(0, 0), 4);
  }
}

TEST_P(RingRules, U10WhatHappensLaterIsHeldBackUntilItIsFetched) {
  begin({ObjectKind::event});
  EXPECT_EQ(submit({{.op = Op::poll, .id = 1, .object = 0, .option = POLLIN}}), "submitted 1");
  EXPECT_EQ(play({.kind = StepKind::peer_send, .object = 0, .fetch = Fetch::none}),
            "settled TASKRUN");
  EXPECT_EQ(submit_only({}), "submitted 0; settled TASKRUN");
  EXPECT_EQ(play({}), "settled TASKRUN; fetched [#1=1]");
}

TEST_P(RingRules, U11OneFetchRunsTwentyItemsOfTaskWork) {
  begin({ObjectKind::event});
  std::vector<Request> polls;
  for (uint32_t i = 1; i <= 30; ++i) {
    polls.push_back({.op = Op::poll, .id = i, .object = 0, .option = POLLIN});
  }
  submit(polls);
  play({.kind = StepKind::peer_send, .object = 0, .fetch = Fetch::none});
  Observation first = observe({.kind = StepKind::enter, .fetch = Fetch::none});
  EXPECT_EQ(first.looks[0].seen.size(), 20u);
  EXPECT_EQ(first.looks[0].kernel_flags, unsigned{IORING_SQ_TASKRUN});
  Observation second = observe({.kind = StepKind::enter, .fetch = Fetch::none});
  EXPECT_EQ(second.looks[0].seen.size(), 10u);
  EXPECT_EQ(second.looks[0].kernel_flags, 0u);
}

TEST_P(RingRules, U11AWaitForMoreRunsMore) {
  begin({ObjectKind::event});
  std::vector<Request> polls;
  for (uint32_t i = 1; i <= 30; ++i) {
    polls.push_back({.op = Op::poll, .id = i, .object = 0, .option = POLLIN});
  }
  submit(polls);
  play({.kind = StepKind::peer_send, .object = 0, .fetch = Fetch::none});
  Observation seen = observe({.kind = StepKind::enter, .amount = 27, .fetch = Fetch::none});
  EXPECT_EQ(seen.looks[0].seen.size(), 27u);
}

TEST_P(RingRules, U12WhatEndsAtOnceOvertakesWhatIsHeldBack) {
  begin({ObjectKind::event});
  submit({{.op = Op::poll, .id = 1, .object = 0, .option = POLLIN}});
  play({.kind = StepKind::peer_send, .object = 0, .fetch = Fetch::none});
  EXPECT_EQ(submit({{.op = Op::nop, .id = 2}}),
            "submitted 1 [#2=0]; settled TASKRUN; fetched [#1=1]");
}

TEST_P(RingRules, U14AFullCqKeepsWhatComesInOrder) {
  begin({}, {}, 4, 4);
  play({.kind = StepKind::submit, .fetch = Fetch::none, .reap = 0, .requests = nops(1, 4)});
  EXPECT_EQ(
      play({.kind = StepKind::submit, .fetch = Fetch::none, .reap = 2, .requests = nops(5, 3)}),
      "submitted 3 OVERFLOW; settled OVERFLOW");
  EXPECT_EQ(play({.kind = StepKind::enter, .fetch = Fetch::none, .reap = 4}),
            "fetched OVERFLOW [#5=0 #6=0]; settled OVERFLOW");
  EXPECT_EQ(play({.kind = StepKind::enter, .fetch = Fetch::none}), "fetched [#7=0]");
}

TEST_P(RingRules, U15NewCqesQueueBehindThoseThatOverflowed) {
  begin({}, {}, 4, 4);
  play({.kind = StepKind::submit, .fetch = Fetch::none, .reap = 0, .requests = nops(1, 4)});
  play({.kind = StepKind::submit, .fetch = Fetch::none, .requests = nops(5, 2)});
  EXPECT_EQ(submit_only(nops(7, 1)), "submitted 1 OVERFLOW; settled OVERFLOW");
  EXPECT_EQ(play({.kind = StepKind::enter, .fetch = Fetch::none}), "fetched [#5=0 #6=0 #7=0]");
}

TEST_P(RingRules, U16AMultishotThatFindsTheCqFullEndsWithItsResult) {
  begin({ObjectKind::datagram}, {Group{.count = 8}}, 4, 4);
  submit({{.op = Op::recv_multishot, .id = 1, .object = 0, .flags = 32}});
  for (int i = 0; i < 6; ++i) {
    play({.kind = StepKind::peer_send, .object = 0, .amount = 1, .fetch = Fetch::none});
  }
  EXPECT_EQ(play({.kind = StepKind::enter, .fetch = Fetch::none}),
            "fetched OVERFLOW [#1=1|MORE|buffer 0 #1=1|MORE|buffer 1 #1=1|MORE|buffer 2 "
            "#1=1|MORE|buffer 3]; settled OVERFLOW");
  EXPECT_EQ(play({}), "settled OVERFLOW; fetched [#1=1|buffer 4]");
  EXPECT_EQ(submit({{.op = Op::recv, .id = 2, .object = 0, .bytes = 8}}), "submitted 1 [#2=1]");
}

TEST_P(RingRules, U17OnlyAWaitThatDidNothingTimesOut) {
  begin({});
  EXPECT_EQ(play({.kind = StepKind::enter, .amount = 2}), "fetched -ETIME");
  EXPECT_EQ(play({.kind = StepKind::submit, .amount = 2, .requests = nops(1, 1)}),
            "fetched 1 [#1=0]");
  play({.kind = StepKind::submit, .fetch = Fetch::none, .reap = 0, .requests = nops(2, 1)});
  EXPECT_EQ(play({.kind = StepKind::enter, .amount = 2}), "");
}

}  // namespace
}  // namespace gatio::fakes::conformance
