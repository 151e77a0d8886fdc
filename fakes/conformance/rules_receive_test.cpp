// The rules U19-U31 on both kernels: multishot requests and provided buffers.
//
// Left out: U25 needs a limit of the process (RLIMIT_NOFILE), which the fake has by its plan of
// faults.
#include <poll.h>
#include <sys/socket.h>

#include "fakes/conformance/test_rules.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr uint32_t kSelect = IOSQE_BUFFER_SELECT;

class ReceiveRules : public Rules {
 protected:
  std::string arm(uint32_t id, Op op = Op::recv_multishot, uint32_t bytes = 0) {
    return submit({{.op = op, .id = id, .object = 0, .bytes = bytes, .flags = kSelect}});
  }
};
GATIO_ON_BOTH_KERNELS(ReceiveRules);

TEST_P(ReceiveRules, U19U20TheEndOfAStreamEndsAMultishotReceive) {
  begin({ObjectKind::stream}, {Group{}});
  EXPECT_EQ(arm(1), "submitted 1");
  EXPECT_EQ(act(StepKind::peer_send, 0, 5),
            "result 5; settled TASKRUN; fetched [#1=5|MORE|buffer 0]");
  EXPECT_EQ(act(StepKind::peer_close, 0), "settled TASKRUN; fetched [#1=0|NONEMPTY]");
}

TEST_P(ReceiveRules, U19RefillingBuffersRearmsNothing) {
  begin({ObjectKind::stream}, {Group{.count = 1, .size = 4}});
  arm(1);
  EXPECT_EQ(act(StepKind::peer_send, 0, 6),
            "result 6; settled TASKRUN; fetched [#1=4|MORE|NONEMPTY|buffer 0 #1=-ENOBUFS]");
  EXPECT_EQ(play({.kind = StepKind::refill, .amount = 1}), "result 1");
  EXPECT_EQ(arm(2), "submitted 1 [#2=2|MORE|buffer 0]");
}

TEST_P(ReceiveRules, U21AnEmptyGroupIsNoticedBeforeTheSocketIsAsked) {
  begin({ObjectKind::stream}, {Group{.count = 1}});
  act(StepKind::peer_send, 0, 3);
  EXPECT_EQ(arm(1, Op::recv), "submitted 1 [#1=3|buffer 0]");
  EXPECT_EQ(arm(2), "submitted 1 [#2=-ENOBUFS]");
  act(StepKind::peer_close, 0);
  EXPECT_EQ(arm(3), "submitted 1 [#3=-ENOBUFS]");
  EXPECT_EQ(arm(4, Op::recv), "submitted 1 [#4=-ENOBUFS]");
}

TEST_P(ReceiveRules, U21AnUnknownGroupHasNoBuffers) {
  begin({ObjectKind::stream});
  EXPECT_EQ(submit({{.op = Op::recv, .id = 1, .object = 0, .flags = kSelect, .group = 5}}),
            "submitted 1 [#1=-ENOBUFS]");
}

TEST_P(ReceiveRules, U22AMultishotReceiveNeedsAGroupAndNoWaitall) {
  begin({ObjectKind::stream}, {Group{}});
  EXPECT_EQ(submit({{.op = Op::recv_multishot, .id = 1, .object = 0}}), "submitted 1 [#1=-EINVAL]");
  EXPECT_EQ(submit({{.op = Op::recv_multishot,
                     .id = 2,
                     .object = 0,
                     .option = MSG_WAITALL,
                     .flags = kSelect}}),
            "submitted 1 [#2=-EINVAL]");
}

TEST_P(ReceiveRules, U22ALengthCapsEachCompletion) {
  begin({ObjectKind::stream}, {Group{}});
  act(StepKind::peer_send, 0, 5);
  EXPECT_EQ(arm(1, Op::recv_multishot, 3),
            "submitted 1 [#1=3|MORE|NONEMPTY|buffer 0 #1=2|MORE|buffer 1]");
}

TEST_P(ReceiveRules, U23TwoBusyReceivesTakeTurns) {
  begin({ObjectKind::datagram, ObjectKind::datagram}, {Group{.count = 256, .size = 16}}, 32, 256);
  for (uint32_t i = 0; i < 2; ++i) {
    submit(
        {{.op = Op::recv_multishot, .id = i + 1, .object = static_cast<int>(i), .flags = kSelect}});
  }
  for (int i = 0; i < 100; ++i) {
    for (int object : {0, 1}) {
      play({.kind = StepKind::peer_send, .object = object, .amount = 1, .fetch = Fetch::none});
    }
  }
  Observation all = observe({});
  unsigned longest = 0;
  unsigned run = 0;
  unsigned runs = 0;
  uint32_t last = 0;
  for (const Seen& seen : all.looks.back().seen) {
    run = seen.id == last ? run + 1 : 1;
    runs += run == 1 ? 1 : 0;
    longest = std::max(longest, run);
    last = seen.id;
  }
  EXPECT_EQ(all.looks.back().seen.size(), 200u);
  EXPECT_LE(longest, 33u);
  EXPECT_GE(runs, 8u);
}

TEST_P(ReceiveRules, U24AnEmptyDatagramEndsAMultishotReceive) {
  begin({ObjectKind::datagram}, {Group{}});
  arm(1);
  EXPECT_EQ(act(StepKind::peer_send, 0, 4),
            "result 4; settled TASKRUN; fetched [#1=4|MORE|buffer 0]");
  std::string end = act(StepKind::peer_send, 0, 0);
  EXPECT_EQ(end.find("MORE"), std::string::npos) << end;
  EXPECT_NE(end.find("#1=0"), std::string::npos) << end;
  arm(2, Op::recvmsg_multishot);
  end = act(StepKind::peer_send, 0, 0);
  EXPECT_EQ(end.find("MORE"), std::string::npos) << end;
  EXPECT_NE(end.find("#2=16"), std::string::npos) << end;
}

TEST_P(ReceiveRules, U24ABufferWithoutRoomForTheHeaderIsAFault) {
  begin({ObjectKind::datagram}, {Group{.count = 4, .size = 64}});
  EXPECT_EQ(arm(1, Op::recvmsg_multishot, 128), "submitted 1 [#1=-EFAULT]");
}

TEST_P(ReceiveRules, U26WithoutAFreeDirectDescriptorTheConnectionIsLost) {
  begin({ObjectKind::listener}, {}, 32, 128, 1, true);
  EXPECT_EQ(submit({{.op = Op::accept_multishot, .id = 1, .object = 0, .option = kDirect}}),
            "submitted 1");
  // Two direct descriptors are free.
  EXPECT_EQ(act(StepKind::peer_connect, 0), "settled TASKRUN; fetched [#1=1|MORE]");
  EXPECT_EQ(act(StepKind::peer_connect, 0), "settled TASKRUN; fetched [#1=2|MORE]");
  EXPECT_EQ(act(StepKind::peer_connect, 0), "settled TASKRUN; fetched [#1=-ENFILE]");
  EXPECT_EQ(submit({{.op = Op::accept, .id = 2, .object = 0}}), "submitted 1");
}

TEST_P(ReceiveRules, U27ShuttingAListenerDownEndsItsAccept) {
  begin({ObjectKind::listener});
  submit({{.op = Op::accept_multishot, .id = 1, .object = 0}});
  std::string seen = submit({{.op = Op::shutdown, .id = 2, .object = 0, .option = SHUT_RDWR}});
  EXPECT_NE(seen.find("#1=-EINVAL"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=0"), std::string::npos) << seen;
}

TEST_P(ReceiveRules, U27ClosingAListenerDoesNotEndItsAccept) {
  begin({ObjectKind::listener});
  submit({{.op = Op::accept_multishot, .id = 1, .object = 0}});
  EXPECT_EQ(act(StepKind::close_object, 0), "");
  EXPECT_EQ(act(StepKind::peer_connect, 0), "settled TASKRUN; fetched [#1=a descriptor|MORE]");
}

TEST_P(ReceiveRules, U28SkippingSuccessDoesNotSkipConnections) {
  begin({ObjectKind::listener});
  submit({{.op = Op::accept_multishot, .id = 1, .object = 0, .flags = IOSQE_CQE_SKIP_SUCCESS}});
  EXPECT_EQ(act(StepKind::peer_connect, 0), "settled TASKRUN; fetched [#1=a descriptor|MORE]");
}

TEST_P(ReceiveRules, U29BuffersAreUsedInTheOrderOfAdding) {
  begin({ObjectKind::datagram}, {Group{.count = 2}});
  arm(1);
  act(StepKind::peer_send, 0, 1);
  act(StepKind::peer_send, 0, 1);
  play({.kind = StepKind::refill, .amount = 2});
  submit({{.op = Op::cancel, .id = 2, .target = 1}});
  // Not used up by the cancelled one: the first is still the first.
  act(StepKind::peer_send, 0, 1);
  EXPECT_EQ(arm(3), "submitted 1 [#3=1|MORE|buffer 0]");
}

TEST_P(ReceiveRules, U30AnIncrementalBufferIsUsedUpPieceByPiece) {
  begin({ObjectKind::stream}, {Group{.count = 2, .size = 8, .incremental = true}});
  arm(1);
  EXPECT_EQ(act(StepKind::peer_send, 0, 7),
            "result 7; settled TASKRUN; fetched [#1=7|MORE|BUF_MORE|buffer 0]");
  EXPECT_EQ(act(StepKind::peer_send, 0, 5),
            "result 5; settled TASKRUN; fetched [#1=1|MORE|NONEMPTY|buffer 0 "
            "#1=4|MORE|BUF_MORE|buffer 1]");
}

TEST_P(ReceiveRules, U31GroupsOfOddSizesAndTwoOfOneNameAreRefused) {
  PlainRing ring;
  ASSERT_EQ(ring.open(kernel(), 4, 4), 0);
  constexpr size_t kBytes = size_t{65536} * sizeof(io_uring_buf);
  void* memory = kernel().map(kBytes, 4096, -1);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(memory);
  auto add = [&](unsigned count, uint16_t group) {
    registration.ring_entries = count;
    registration.bgid = group;
    return ring.register_with(IORING_REGISTER_PBUF_RING, &registration, 1);
  };
  EXPECT_EQ(add(3, 0), -EINVAL);
  EXPECT_EQ(add(65536, 0), -EINVAL);
  EXPECT_EQ(add(32768, 0), 0);
  EXPECT_EQ(add(8, 0), -EEXIST);
  ring.close();
  kernel().unmap(memory, kBytes);
}

TEST_P(ReceiveRules, U31AGroupMayGoWhileItIsInUse) {
  begin({ObjectKind::stream}, {Group{}});
  arm(1);
  EXPECT_EQ(play({.kind = StepKind::drop_group}), "");
  EXPECT_EQ(act(StepKind::peer_send, 0, 5), "result 5; settled TASKRUN; fetched [#1=-ENOBUFS]");
  EXPECT_EQ(play({.kind = StepKind::drop_group}), "result -ENOENT");
}

}  // namespace
}  // namespace gatio::fakes::conformance
