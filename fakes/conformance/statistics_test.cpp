// What counts as a hit of a rule: the case that the rule is about, and not one that looks like it.
#include "fakes/conformance/statistics.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <utility>

#include "fakes/conformance/fake_host.hpp"
#include "fakes/conformance/runner.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr uint32_t kSelect = IOSQE_BUFFER_SELECT;

Step submit(std::vector<Request> requests) {
  return {.kind = StepKind::submit, .requests = std::move(requests)};
}

// How often the steps hit the rule, in the tamest run of the fake.
uint64_t hits(const std::string& rule, std::vector<ObjectKind> objects, std::vector<Step> steps) {
  Program program{.objects = std::move(objects), .groups = {Group{}}, .steps = std::move(steps)};
  Choices choices{std::vector<uint32_t>{}};
  std::unique_ptr<Host> host = make_fake_host()(choices);
  Record record;
  EXPECT_EQ(run_program(*host, program, record), 0);
  Statistics statistics;
  statistics.count(program, record);
  auto found = statistics.rules().find(rule);
  return found == statistics.rules().end() ? 0 : found->second;
}

TEST(Statistics, U17IsAWaitThatTimedOut) {
  EXPECT_EQ(hits("U17", {}, {{.kind = StepKind::enter, .amount = 1}}), 1u);
  EXPECT_EQ(hits("U17", {},
                 {{.kind = StepKind::submit,
                   .fetch = Fetch::none,
                   .reap = 0,
                   .requests = {{.op = Op::nop, .id = 1}}},
                  {.kind = StepKind::enter, .amount = 1}}),
            0u);
}

TEST(Statistics, U24IsAnEmptyDatagramAndNotTheEndOfAStream) {
  for (Op op : {Op::recv_multishot, Op::recvmsg_multishot}) {
    std::vector<Step> steps{submit({{.op = op, .id = 1, .object = 0, .flags = kSelect}}),
                            {.kind = StepKind::peer_send, .object = 0, .amount = 0},
                            {.kind = StepKind::peer_close, .object = 0}};
    EXPECT_EQ(hits("U24", {ObjectKind::datagram}, steps), 1u) << name(op);
    EXPECT_EQ(hits("U24", {ObjectKind::stream}, steps), 0u) << name(op);
  }
}

TEST(Statistics, U27IsAnAcceptAtAListenerThatWasShutDown) {
  std::vector<Step> steps{
      submit({{.op = Op::accept_multishot, .id = 1, .object = 0}}),
      submit({{.op = Op::shutdown, .id = 2, .object = 0, .option = SHUT_RDWR}})};
  EXPECT_EQ(hits("U27", {ObjectKind::listener}, steps), 1u);
  EXPECT_EQ(hits("U27", {ObjectKind::stream}, steps), 0u);
}

TEST(Statistics, U27IsAConnectionAtAListenerThatWasClosed) {
  Step arm = submit({{.op = Op::accept_multishot, .id = 1, .object = 0}});
  Step close{.kind = StepKind::close_object, .object = 0};
  Step connect{.kind = StepKind::peer_connect, .object = 0};
  EXPECT_EQ(hits("U27", {ObjectKind::listener}, {arm, close, connect}), 1u);
  EXPECT_EQ(hits("U27", {ObjectKind::listener}, {arm, connect, close}), 0u);
}

TEST(Statistics, U43IsATimerThatHasExpiredUndelivered) {
  Step remove = submit({{.op = Op::timeout_remove, .id = 2, .target = 1}});
  Step start = submit({{.op = Op::timeout, .id = 1}});
  EXPECT_EQ(hits("U43", {}, {start, remove}), 0u);
  start.fetch = Fetch::none;
  EXPECT_EQ(hits("U43", {}, {start, remove}), 1u);
}

TEST(Statistics, U44IsACloseUnderAnOperation) {
  Step arm = submit({{.op = Op::recv, .id = 1, .object = 0, .bytes = 4}});
  Step close = submit({{.op = Op::close, .id = 2, .object = 0}});
  EXPECT_EQ(hits("U44", {ObjectKind::stream}, {arm, close}), 1u);
  EXPECT_EQ(hits("U44", {ObjectKind::stream}, {close}), 0u);
  EXPECT_EQ(hits("U44", {ObjectKind::stream},
                 {arm, {.kind = StepKind::peer_send, .object = 0, .amount = 4}, close}),
            0u);
}

}  // namespace
}  // namespace gatio::fakes::conformance
