// Ports on the real kernel: what is refused, that a refused start leaves nothing behind, and that
// the drivers of a port share it. The rules themselves are tested in net/plan_test.cpp.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/kernel/testing.hpp"
#include "runtime/net/sockets.hpp"
#include "runtime/test_client.hpp"
#include "runtime/test_server.hpp"

namespace gatio::testing {
namespace {

Task<void> hello(const http::Request&, http::Response& response) {
  response.body("hello");
  co_return;
}

class Ports : public EachMix {
 protected:
  Ports() { server.handler = hello; }
};
GATIO_EACH_MIX(Ports);

TEST_P(Ports, APortThatSomebodyElseHasIsNoticed) {
  for (bool reuse_port : {false, true}) {
    int other = listen_on(0, reuse_port);
    ASSERT_GE(other, 0);
    size_t before = open_descriptors();
    {
      TestServer refused(GetParam());
      refused.handler = hello;
      refused.listener.port = port_of(other);
      refused.listener.declared = {"a.toml", 7};
      Result<void> started = refused.start();
      ASSERT_FALSE(started) << "although the other one " << (reuse_port ? "shares" : "does not");
      EXPECT_EQ(started.error().code, EADDRINUSE);
      std::string text = started.error().message();
      std::string port = std::to_string(port_of(other));
      EXPECT_TRUE(text.starts_with("a.toml:7: 127.0.0.1:" + port + "/tcp: driver 0/0: ")) << text;
    }
    EXPECT_EQ(open_descriptors(), before);
    ::close(other);
  }
}

TEST_P(Ports, AnUnknownNameIsRefusedWithThePlaceOfItsListener) {
  server.listener.declared = {"a.toml", 7};
  server.listener.handler = "nobody's";
  Result<void> started = server.start();
  ASSERT_FALSE(started);
  std::string text = started.error().message();
  EXPECT_TRUE(text.starts_with("a.toml:7: 127.0.0.1:0/tcp: no handler is named")) << text;
}

TEST_P(Ports, ARuntimeNoticesAnotherRuntime) {
  start();
  TestServer second(GetParam());
  second.handler = hello;
  second.listener.port = server.port();
  Result<void> started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, EADDRINUSE);
  EXPECT_EQ(Client(server.port()).ask(get("/")).body, "hello");
}

TEST_P(Ports, ARefusedSecondPortLeavesTheFirstUnbound) {
  int other = listen_on(0, false);
  ASSERT_GE(other, 0);
  int free_port_holder = listen_on(0, false);
  uint16_t first = port_of(free_port_holder);
  ::close(free_port_holder);
  size_t before = open_descriptors();
  server.listener.port = first;
  config::ListenerConfig second = server.listener;
  second.port = port_of(other);
  server.config().listeners.push_back(second);
  // The configuration's listeners come first, so this order has the refused one at both ends.
  Result<void> started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, EADDRINUSE);
  int again = listen_on(first, false);
  EXPECT_GE(again, 0) << strerrorname_np(errno);
  ::close(again);
  EXPECT_EQ(open_descriptors(), before);
  ::close(other);
}

TEST_P(Ports, ThoseWhoServeAPortShareOneNumber) {
  start();
  EXPECT_NE(server.port(), 0);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(Client(server.port()).ask(get("/")).body, "hello");
  }
  // The kernel chooses by a hash of the addresses: that one of two gets none of 200 does not
  // happen.
  for (const DriverMetrics& each : server.stop().drivers) {
    if (config::does_io(each.role)) {
      EXPECT_GT(each.requests, 0u) << each.driver;
    }
  }
}

TEST_P(Ports, TwoListenersOnPortZeroGetTwoNumbers) {
  server.listener.name = "second";
  config::ListenerConfig first = server.listener;
  first.name = "first";
  server.config().listeners.push_back(first);
  start();
  const std::vector<Endpoint>& endpoints = server.runtime().endpoints();
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_NE(endpoints[0].port, endpoints[1].port);
  for (const Endpoint& each : endpoints) EXPECT_EQ(Client(each.port).ask(get("/")).body, "hello");
}

TEST(Sockets, APortIsBoundForAllItsMembersOrNotAtAll) {
  LinuxKernel kernel;
  config::ListenerConfig listener;
  size_t before = open_descriptors();
  Result<BoundSockets> bound = bind_port(kernel, listener, {{0, 0}, {0, 1}, {0, 2}});
  ASSERT_TRUE(bound);
  ASSERT_EQ(bound->fds.size(), 3u);
  for (int fd : bound->fds) EXPECT_EQ(port_of(fd), bound->port);
  int other = listen_on(bound->port, false);
  EXPECT_LT(other, 0);
  for (int fd : bound->fds) ::close(fd);
  EXPECT_EQ(open_descriptors(), before);
}

// Two servers that started at the same time could both bind before either listened, and then shared
// the port.
TEST(Sockets, BugWhoBindsSecondIsRefusedAlsoBeforeTheFirstOneRuns) {
  LinuxKernel kernel;
  for (const std::vector<DriverName>& members :
       {std::vector<DriverName>{{0, 0}}, std::vector<DriverName>{{0, 0}, {0, 1}}}) {
    config::ListenerConfig listener;
    Result<BoundSockets> first = bind_port(kernel, listener, members);
    ASSERT_TRUE(first);
    listener.port = first->port;
    Result<BoundSockets> second = bind_port(kernel, listener, members);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EADDRINUSE);
    for (int fd : first->fds) ::close(fd);
  }
}

TEST(Sockets, AnAddressOfNoInterfaceIsRefusedInWords) {
  LinuxKernel kernel;
  config::ListenerConfig listener;
  listener.address = "192.0.2.1";
  Result<BoundSockets> bound = bind_port(kernel, listener, {{0, 0}});
  ASSERT_FALSE(bound);
  EXPECT_NE(bound.error().message().find("no interface of this machine"), std::string::npos)
      << bound.error().message();
}

TEST_P(Ports, WithoutIoUringAStartEndsInASentenceAndLeavesNothing) {
  constexpr int kNoFilter = 42;
  int code = run_in_child([] {
    size_t before = open_descriptors();
    if (!forbid_io_uring()) return kNoFilter;
    {
      TestServer refused(GetParam());
      refused.handler = hello;
      Result<void> started = refused.start();
      if (started) return 1;
      std::string text = started.error().message();
      if (text.find("io_uring") == text.npos || text.find("driver") == text.npos) return 2;
    }
    return open_descriptors() == before ? 0 : 3;
  });
  if (code == kNoFilter) GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_EQ(code, 0);
}

// The scenario server's own program, if it was built beside this one.
TEST(Seccomp, AServerWithoutIoUringEndsWithCode4AndWhatToDo) {
  std::string self(4096, '\0');
  ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  ASSERT_GT(length, 0);
  self.resize(static_cast<size_t>(length));
  std::string program = self.substr(0, self.rfind('/')) + "/scenarios/hello";
  if (access(program.c_str(), X_OK) != 0) GTEST_SKIP() << program << " was not built";
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  int code = run_in_child([&] {
    dup2(pipe_ends[1], STDERR_FILENO);
    if (!forbid_io_uring()) return 42;
    execl(program.c_str(), program.c_str(), nullptr);
    return 43;
  });
  ::close(pipe_ends[1]);
  char text[4096];
  ssize_t size = read(pipe_ends[0], text, sizeof text);
  ::close(pipe_ends[0]);
  if (code == 42) GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_EQ(code, 4);
  std::string said(text, size > 0 ? static_cast<size_t>(size) : 0);
  EXPECT_NE(said.find("seccomp"), said.npos) << said;
}

}  // namespace
}  // namespace gatio::testing
