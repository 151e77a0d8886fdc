// Bundles on both kernels (IORING_RECVSEND_BUNDLE, Linux 6.10): one operation, several buffers of a
// group. What is said here is what Linux 6.18 was seen to do. Left out: a bundle with MSG_WAITALL
// or without a group, which the fake does not model.
#include <sys/socket.h>

#include "fakes/conformance/test_rules.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr uint32_t kSelect = IOSQE_BUFFER_SELECT;

class BundleRules : public Rules {
 protected:
  std::string bundle(uint32_t id, Op op, uint32_t bytes = 0) {
    return submit(
        {{.op = op, .id = id, .object = 0, .bytes = bytes, .option = kBundle, .flags = kSelect}});
  }
};
GATIO_ON_BOTH_KERNELS(BundleRules);

// A first pass into one buffer; then one for what the socket has still, of which a buffer that it
// would not fill is no part.
TEST_P(BundleRules, AReceiveFillsOneBufferAndThenThoseThatTheRestFills) {
  begin({ObjectKind::stream}, {Group{.count = 4, .size = 4}});
  act(StepKind::peer_send, 0, 10);
  EXPECT_EQ(bundle(1, Op::recv), "submitted 1 [#1=8|NONEMPTY|buffer 0]");
  EXPECT_EQ(play({.kind = StepKind::refill, .amount = 8}), "result 2");
}

TEST_P(BundleRules, AMultishotReceiveGivesOneCompletionForWhatCameTogether) {
  begin({ObjectKind::stream}, {Group{.count = 4, .size = 4}});
  EXPECT_EQ(bundle(1, Op::recv_multishot), "submitted 1");
  EXPECT_EQ(act(StepKind::peer_send, 0, 6),
            "result 6; settled TASKRUN; fetched [#1=6|MORE|buffer 0]");
  EXPECT_EQ(play({.kind = StepKind::refill, .amount = 8}), "result 2");
}

TEST_P(BundleRules, AMultishotReceiveEndsWhereThereIsNoBuffer) {
  begin({ObjectKind::stream}, {Group{.count = 2, .size = 4}});
  bundle(1, Op::recv_multishot);
  EXPECT_EQ(act(StepKind::peer_send, 0, 8),
            "result 8; settled TASKRUN; fetched [#1=8|MORE|buffer 0]");
  EXPECT_EQ(act(StepKind::peer_send, 0, 1), "result 1; settled TASKRUN; fetched [#1=-ENOBUFS]");
}

TEST_P(BundleRules, ALengthCapsWhatAReceiveTakes) {
  begin({ObjectKind::stream}, {Group{.count = 8, .size = 4}});
  act(StepKind::peer_send, 0, 20);
  EXPECT_EQ(bundle(1, Op::recv, 6), "submitted 1 [#1=4|NONEMPTY|buffer 0]");
}

TEST_P(BundleRules, AReceiveThatHasNoBufferForTheRestSaysNothingOfIt) {
  begin({ObjectKind::stream}, {Group{.count = 2, .size = 4}});
  act(StepKind::peer_send, 0, 10);
  EXPECT_EQ(bundle(1, Op::recv, 8), "submitted 1 [#1=8|buffer 0]");
}

TEST_P(BundleRules, AtItsLengthAMultishotReceiveAsksTheSocketFirst) {
  begin({ObjectKind::datagram}, {Group{.count = 1, .size = 4}});
  bundle(1, Op::recv_multishot, 4);
  EXPECT_EQ(act(StepKind::peer_send, 0, 8),
            "result 8; settled TASKRUN; fetched [#1=4|MORE|buffer 0]");
}

TEST_P(BundleRules, TheEndCountsAsAByteThatIsLeft) {
  begin({ObjectKind::stream}, {Group{.count = 4, .size = 4}});
  act(StepKind::peer_send, 0, 5);
  act(StepKind::peer_close, 0);
  EXPECT_EQ(bundle(1, Op::recv), "submitted 1 [#1=5|NONEMPTY|buffer 0]");
}

TEST_P(BundleRules, AReceiveThatHasNoBufferForTheRestSeversItsChain) {
  begin({ObjectKind::stream}, {Group{.count = 2, .size = 4}});
  act(StepKind::peer_send, 0, 10);
  EXPECT_EQ(submit({{.op = Op::recv,
                     .id = 1,
                     .object = 0,
                     .bytes = 8,
                     .option = kBundle,
                     .flags = kSelect | IOSQE_IO_LINK},
                    {.op = Op::nop, .id = 2}}),
            "submitted 2 [#1=8|buffer 0]; settled TASKRUN; fetched [#2=-ECANCELED]");
}

TEST_P(BundleRules, OfADatagramTheFirstPassIsAll) {
  begin({ObjectKind::datagram}, {Group{.count = 4, .size = 4}});
  act(StepKind::peer_send, 0, 10);
  EXPECT_EQ(bundle(1, Op::recv), "submitted 1 [#1=4|buffer 0]");
}

TEST_P(BundleRules, ASendTakesTheWholeGroupAndSaysSoByItsBytes) {
  begin({ObjectKind::stream}, {Group{.count = 4, .size = 4}});
  EXPECT_EQ(bundle(1, Op::send), "submitted 1 [#1=16|buffer 0]");
  EXPECT_EQ(bundle(2, Op::send), "submitted 1 [#2=-ENOBUFS]");
  EXPECT_EQ(act(StepKind::peer_receive, 0, 100), "result 16");
  EXPECT_EQ(play({.kind = StepKind::refill, .amount = 8}), "result 4");
}

TEST_P(BundleRules, ASendOfOneBufferTakesOne) {
  begin({ObjectKind::stream}, {Group{.count = 4, .size = 4}});
  EXPECT_EQ(submit({{.op = Op::send, .id = 1, .object = 0, .flags = kSelect}}),
            "submitted 1 [#1=4|buffer 0]");
  EXPECT_EQ(play({.kind = StepKind::refill, .amount = 8}), "result 1");
}

TEST_P(BundleRules, AnIncrementalBufferIsLeftWhereTheBundleEnds) {
  begin({ObjectKind::stream}, {Group{.count = 2, .size = 8, .incremental = true}});
  act(StepKind::peer_send, 0, 5);
  EXPECT_EQ(bundle(1, Op::recv), "submitted 1 [#1=5|BUF_MORE|buffer 0]");
  act(StepKind::peer_send, 0, 5);
  EXPECT_EQ(bundle(2, Op::recv), "submitted 1 [#2=5|BUF_MORE|buffer 0]");
}

TEST_P(BundleRules, MessagesHaveNone) {
  begin({ObjectKind::datagram}, {Group{}});
  EXPECT_EQ(bundle(1, Op::recvmsg), "submitted 1 [#1=-EINVAL]");
  EXPECT_EQ(bundle(2, Op::recvmsg_multishot), "submitted 1 [#2=-EINVAL]");
}

}  // namespace
}  // namespace gatio::fakes::conformance
