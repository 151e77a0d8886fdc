// The rules U32-U39 on both kernels: sends, links, drain, zero copy.
//
// Left out: U34, that two sends at once on one stream mix their bytes, is seen only when both fill
// the socket's buffer, and nobody may rely on it.
#include <poll.h>
#include <sys/socket.h>

#include "fakes/conformance/test_rules.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr uint32_t kLink = IOSQE_IO_LINK;
constexpr uint32_t kHardlink = IOSQE_IO_HARDLINK;

class LinkRules : public Rules {};
GATIO_ON_BOTH_KERNELS(LinkRules);

TEST_P(LinkRules, U32AShortSendDoesNotBreakTheLink) {
  begin({ObjectKind::stream});
  constexpr uint32_t kBytes = 32 << 20;
  Observation seen =
      observe({.kind = StepKind::submit,
               .requests = {{.op = Op::send, .id = 1, .object = 0, .bytes = kBytes, .flags = kLink},
                            {.op = Op::nop, .id = 2}}});
  std::vector<Seen> all;
  for (const Look& look : seen.looks) all.insert(all.end(), look.seen.begin(), look.seen.end());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_GT(all[0].result, 0);
  EXPECT_LT(all[0].result, static_cast<int32_t>(kBytes));
  EXPECT_EQ(all[1].result, 0);
}

TEST_P(LinkRules, U32ASendOfAllIsCutShortByAReset) {
  begin({ObjectKind::stream});
  constexpr uint32_t kBytes = 32 << 20;
  submit({{.op = Op::send,
           .id = 1,
           .object = 0,
           .bytes = kBytes,
           .option = MSG_WAITALL,
           .flags = kLink},
          {.op = Op::nop, .id = 2}});
  Observation seen = observe({.kind = StepKind::peer_reset, .object = 0});
  const std::vector<Seen>& all = seen.looks.back().seen;
  ASSERT_EQ(all.size(), 2u) << to_text(seen);
  EXPECT_GT(all[0].result, 0);
  EXPECT_LT(all[0].result, static_cast<int32_t>(kBytes));
  EXPECT_EQ(all[1].result, -ECANCELED);
}

TEST_P(LinkRules, U33OnlyAReceiveOfAllThatIsShortBreaksTheLink) {
  begin({ObjectKind::stream, ObjectKind::stream});
  for (int object : {0, 1}) {
    act(StepKind::peer_send, object, 3);
    act(StepKind::peer_close, object);
  }
  std::string seen = submit(
      {{.op = Op::recv, .id = 1, .object = 0, .bytes = 8, .option = MSG_WAITALL, .flags = kLink},
       {.op = Op::nop, .id = 2}});
  EXPECT_NE(seen.find("#1=3"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=-ECANCELED"), std::string::npos) << seen;
  seen = submit({{.op = Op::recv, .id = 3, .object = 1, .bytes = 8, .flags = kLink},
                 {.op = Op::recv, .id = 4, .object = 1, .bytes = 8, .flags = kLink},
                 {.op = Op::nop, .id = 5}});
  EXPECT_NE(seen.find("#3=3"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#4=0"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#5=0"), std::string::npos) << seen;
}

TEST_P(LinkRules, U35AFailureCancelsTheRestOfTheChain) {
  begin({ObjectKind::stream});
  std::string seen = submit({{.op = Op::send, .id = 1, .bytes = 1, .flags = kLink},
                             {.op = Op::nop, .id = 2, .flags = kLink},
                             {.op = Op::nop, .id = 3},
                             {.op = Op::nop, .id = 4}});
  EXPECT_NE(seen.find("#1=-EBADF"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=-ECANCELED"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#3=-ECANCELED"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#4=0"), std::string::npos) << seen;
}

TEST_P(LinkRules, U35AHardLinkGoesOn) {
  begin({});
  std::string seen =
      submit({{.op = Op::send, .id = 1, .bytes = 1, .flags = kHardlink}, {.op = Op::nop, .id = 2}});
  EXPECT_NE(seen.find("#1=-EBADF"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=0"), std::string::npos) << seen;
}

TEST_P(LinkRules, U36ADrainWaitsForAllBeforeAndHoldsAllBehind) {
  begin({ObjectKind::event});
  EXPECT_EQ(submit({{.op = Op::poll_multishot, .id = 1, .object = 0, .option = POLLIN},
                    {.op = Op::nop, .id = 2, .flags = IOSQE_IO_DRAIN},
                    {.op = Op::nop, .id = 3}}),
            "submitted 3");
  EXPECT_EQ(act(StepKind::peer_send, 0), "settled TASKRUN; fetched [#1=1|MORE]");
}

TEST_P(LinkRules, U37ATimeoutThatIsNotNeededIsCancelled) {
  begin({ObjectKind::stream});
  submit({{.op = Op::recv, .id = 1, .object = 0, .bytes = 8, .flags = kLink},
          {.op = Op::link_timeout, .id = 2, .option = kLong}});
  EXPECT_EQ(act(StepKind::peer_send, 0, 5),
            "result 5; settled TASKRUN; fetched [#1=5 #2=-ECANCELED]");
}

TEST_P(LinkRules, U37ATimeoutThatStrikesCancelsItsOperation) {
  begin({ObjectKind::stream});
  std::string seen = submit({{.op = Op::recv, .id = 1, .object = 0, .bytes = 8, .flags = kLink},
                             {.op = Op::link_timeout, .id = 2}});
  EXPECT_NE(seen.find("#1=-ECANCELED"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=-ETIME"), std::string::npos) << seen;
}

TEST_P(LinkRules, U37ALoneTimeoutIsRefused) {
  begin({});
  EXPECT_EQ(submit({{.op = Op::link_timeout, .id = 1}}), "submitted 1 [#1=-EINVAL]");
}

TEST_P(LinkRules, U38AZeroCopySendNotifiesWhenItsMemoryIsFree) {
  begin({ObjectKind::stream});
  std::string seen = submit({{.op = Op::send_zc, .id = 1, .object = 0, .bytes = 10}});
  size_t sent = seen.find("#1=10|MORE");
  EXPECT_NE(sent, std::string::npos) << seen;
  EXPECT_GT(seen.find("#1=0|NOTIF") + 1, sent + 1) << seen;
}

TEST_P(LinkRules, U38AZeroCopySendThatFailsNotifiesToo) {
  begin({ObjectKind::stream});
  submit({{.op = Op::shutdown, .id = 1, .object = 0, .option = SHUT_WR}});
  std::string seen = submit({{.op = Op::send_zc, .id = 2, .object = 0, .bytes = 10}});
  EXPECT_NE(seen.find("#2=-EPIPE|MORE"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=0|NOTIF"), std::string::npos) << seen;
}

TEST_P(LinkRules, U39AZeroCopySendThatNeverBeganNotifiesWithoutMore) {
  begin({ObjectKind::stream});
  std::string seen = submit({{.op = Op::send, .id = 1, .bytes = 1, .flags = kLink},
                             {.op = Op::send_zc, .id = 2, .object = 0, .bytes = 10}});
  EXPECT_NE(seen.find("#2=-ECANCELED"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("#2=-ECANCELED|MORE"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#2=0|NOTIF"), std::string::npos) << seen;
}

}  // namespace
}  // namespace gatio::fakes::conformance
