// The rules U40-U50 on both kernels: cancelling, timers, the end of descriptors and connections,
// messages between rings, listeners that share a port.
//
// Left out: U47 needs the issuer's thread to end, which the fake's threads never do.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "fakes/conformance/test_rules.hpp"

namespace gatio::fakes::conformance {
namespace {

class CancelRules : public Rules {
 protected:
  void arm(uint32_t id) { submit({{.op = Op::recv, .id = id, .object = 0, .bytes = 8}}); }
  std::string cancel(uint32_t id, uint32_t target, uint32_t option = 0) {
    return submit({{.op = Op::cancel, .id = id, .object = 0, .option = option, .target = target}});
  }
};
GATIO_ON_BOTH_KERNELS(CancelRules);

TEST_P(CancelRules, U40U41AVictimEndsWhenItIsFetched) {
  begin({ObjectKind::stream});
  arm(1);
  EXPECT_EQ(cancel(2, 1), "submitted 1 [#2=0]; settled TASKRUN; fetched [#1=-ECANCELED]");
  EXPECT_EQ(cancel(3, 1), "submitted 1 [#3=-ENOENT]");
}

TEST_P(CancelRules, U40AllCountsAndAnyTakesWhateverThereIs) {
  begin({ObjectKind::stream});
  for (uint32_t id : {1, 2, 3}) arm(id);
  std::string seen = cancel(4, 0, IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL);
  EXPECT_NE(seen.find("#4=3"), std::string::npos) << seen;
  arm(5);
  seen = cancel(6, 0, IORING_ASYNC_CANCEL_ANY);
  EXPECT_NE(seen.find("#6=1"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#5=-ECANCELED"), std::string::npos) << seen;
  EXPECT_EQ(cancel(7, 0, IORING_ASYNC_CANCEL_ANY), "submitted 1 [#7=0]");
  EXPECT_EQ(cancel(8, 1, IORING_ASYNC_CANCEL_ALL), "submitted 1 [#8=0]");
}

TEST_P(CancelRules, U40ABadFlagAndAClosedDescriptorAreErrors) {
  begin({ObjectKind::stream});
  arm(1);
  EXPECT_EQ(cancel(2, 1, 1U << 20), "submitted 1 [#2=-EINVAL]");
  act(StepKind::close_object, 0);
  EXPECT_EQ(cancel(3, 0, IORING_ASYNC_CANCEL_FD), "submitted 1 [#3=-EBADF]");
}

TEST_P(CancelRules, U42ACancelLosesNoBytes) {
  begin({ObjectKind::stream});
  arm(1);
  play({.kind = StepKind::peer_send, .object = 0, .amount = 5, .fetch = Fetch::none});
  std::string seen = cancel(2, 1);
  EXPECT_NE(seen.find("#2=0"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#1=-ECANCELED"), std::string::npos) << seen;
  EXPECT_EQ(submit({{.op = Op::recv, .id = 3, .object = 0, .bytes = 8}}), "submitted 1 [#3=5]");
}

TEST_P(CancelRules, U43AnExpiredTimerCannotBeRemoved) {
  begin({});
  submit_only({{.op = Op::timeout, .id = 1}});
  EXPECT_EQ(submit({{.op = Op::timeout_remove, .id = 2, .target = 1}}),
            "submitted 1 [#2=-ENOENT]; settled TASKRUN; fetched [#1=-ETIME]");
}

TEST_P(CancelRules, U43ARunningTimerCanBeRemovedAndUpdated) {
  begin({});
  submit({{.op = Op::timeout, .id = 1, .option = kLong}});
  std::string seen = submit({{.op = Op::timeout_update, .id = 2, .target = 1}});
  EXPECT_EQ(seen, "submitted 1 [#2=0]; settled TASKRUN; fetched [#1=-ETIME]");
  submit({{.op = Op::timeout, .id = 3, .option = kLong}});
  seen = submit({{.op = Op::timeout_remove, .id = 4, .target = 3}});
  EXPECT_NE(seen.find("#4=0"), std::string::npos) << seen;
  EXPECT_NE(seen.find("#3=-ECANCELED"), std::string::npos) << seen;
}

TEST_P(CancelRules, U44ClosingADescriptorEndsNoOperation) {
  begin({ObjectKind::stream});
  arm(1);
  EXPECT_EQ(act(StepKind::close_object, 0), "");
  // No FIN until it ends, and late data still comes.
  EXPECT_EQ(act(StepKind::peer_receive, 0, 10), "result -EAGAIN");
  EXPECT_EQ(act(StepKind::peer_send, 0, 5), "result 5; settled TASKRUN; fetched [#1=5]");
  EXPECT_EQ(act(StepKind::peer_receive, 0, 10), "");
}

TEST_P(CancelRules, U45TheEndOfAConnection) {
  begin({ObjectKind::stream, ObjectKind::stream});
  arm(1);
  std::string seen = submit({{.op = Op::shutdown, .id = 2, .object = 0, .option = SHUT_RD}});
  EXPECT_NE(seen.find("#1=0"), std::string::npos) << seen;
  submit({{.op = Op::recv, .id = 3, .object = 1, .bytes = 8}});
  EXPECT_EQ(act(StepKind::peer_reset, 1), "settled TASKRUN; fetched [#3=-ECONNRESET]");
}

TEST_P(CancelRules, U45AfterThePeerClosedOneSendSucceeds) {
  begin({ObjectKind::stream});
  act(StepKind::peer_close, 0);
  EXPECT_EQ(submit({{.op = Op::send, .id = 1, .object = 0, .bytes = 4}}), "submitted 1 [#1=4]");
  EXPECT_EQ(submit({{.op = Op::send, .id = 2, .object = 0, .bytes = 4}}),
            "submitted 1 [#2=-EPIPE]");
}

TEST_P(CancelRules, U45DontwaitDoesNotWait) {
  begin({ObjectKind::stream, ObjectKind::listener});
  EXPECT_EQ(submit({{.op = Op::recv, .id = 1, .object = 0, .bytes = 8, .option = MSG_DONTWAIT},
                    {.op = Op::accept, .id = 2, .object = 1, .option = kAcceptDontWait}}),
            "submitted 2 [#1=-EAGAIN #2=-EAGAIN]");
}

TEST_P(CancelRules, U46TheEndOfARingFreesItsFilesInTime) {
  int listener = -1;
  sockaddr_in address{};
  ASSERT_NO_FATAL_FAILURE(listen_on_loopback(listener, address));
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  PlainRing ring;
  ASSERT_EQ(ring.open(kernel(), 4, 8), 0);
  io_uring_prep_multishot_accept(ring.sqe(), listener, nullptr, nullptr, 0);
  ASSERT_EQ(ring.submit(0, 0), 1);
  kernel().close(listener);
  ring.close();
  int again = kernel().socket(AF_INET, SOCK_STREAM, 0);
  int result = -EADDRINUSE;
  for (int i = 0; i < 100 && result == -EADDRINUSE; ++i) {
    host_->settle(1);
    result = kernel().bind(again, generic, sizeof address);
  }
  EXPECT_EQ(result, 0);
  kernel().close(again);
}

TEST_P(CancelRules, U48MessagesGoToRingsAlone) {
  begin({ObjectKind::event}, {}, 32, 128, 2);
  EXPECT_EQ(submit({{.op = Op::message, .id = 1, .object = 0, .option = 9}}),
            "submitted 1 [#1=-EBADFD]");
  std::string id = std::to_string(2 | kDelivered);
  EXPECT_EQ(submit({{.op = Op::message, .id = 2, .bytes = 7, .option = 1}}),
            "submitted 1 [#2=0]; settled(ring 1) TASKRUN; fetched(ring 1) [#" + id + "=7]");
}

TEST_P(CancelRules, U48MessagesOfOneSenderStayInOrder) {
  begin({}, {}, 32, 128, 2);
  std::vector<Request> messages;
  for (uint32_t i = 1; i <= 32; ++i) messages.push_back({.op = Op::message, .id = i, .option = 1});
  Observation seen = observe({.kind = StepKind::submit, .requests = messages});
  const std::vector<Seen>& all = seen.looks.back().seen;
  ASSERT_EQ(all.size(), 32u);
  for (uint32_t i = 0; i < 32; ++i) EXPECT_EQ(all[i].id, (i + 1) | kDelivered);
}

TEST_P(CancelRules, U49AMessageIntoAFullCqWaitsThere) {
  begin({}, {}, 32, 32, 2);
  std::vector<Request> messages;
  for (uint32_t i = 1; i <= 32; ++i) messages.push_back({.op = Op::message, .id = i, .option = 1});
  play({.kind = StepKind::submit, .fetch = Fetch::none, .requests = messages});
  for (Request& message : messages) message.id += 32;
  Observation second =
      observe({.kind = StepKind::submit, .fetch = Fetch::none, .requests = messages});
  for (const Seen& seen : second.looks[0].seen) EXPECT_EQ(seen.result, 0);
  size_t delivered = 0;
  for (int i = 0; i < 3; ++i) delivered += observe({}).looks.back().seen.size();
  EXPECT_EQ(delivered, 64u);
}

TEST_P(CancelRules, U50OnlySharersOfAPortMayBindIt) {
  int first = kernel().socket(AF_INET, SOCK_STREAM, 0);
  int second = kernel().socket(AF_INET, SOCK_STREAM, 0);
  int datagram = kernel().socket(AF_INET, SOCK_DGRAM, 0);
  int on = 1;
  kernel().setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(kernel().bind(first, generic, sizeof address), 0);
  ASSERT_EQ(kernel().listen(first, 4), 0);
  socklen_t size = sizeof address;
  kernel().getsockname(first, generic, &size);
  EXPECT_EQ(kernel().bind(second, generic, sizeof address), -EADDRINUSE);
  EXPECT_EQ(kernel().bind(datagram, generic, sizeof address), 0);
  kernel().setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  EXPECT_EQ(kernel().bind(second, generic, sizeof address), 0);
  for (int fd : {first, second, datagram}) kernel().close(fd);
}

TEST_P(CancelRules, U50ClosingAListenerResetsTheConnectionsInItsQueue) {
  begin({ObjectKind::listener, ObjectKind::fresh});
  EXPECT_EQ(submit({{.op = Op::connect, .id = 1, .object = 1, .option = 0}}).substr(0, 11),
            "submitted 1");
  submit({{.op = Op::recv, .id = 2, .object = 1, .bytes = 8}});
  EXPECT_EQ(act(StepKind::close_object, 0), "settled TASKRUN; fetched [#2=-ECONNRESET]");
}

}  // namespace
}  // namespace gatio::fakes::conformance
