#include "runtime/net/plan.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "runtime/config/mix.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio {
namespace {

using Kind = Conflict::Kind;
using Planned = std::expected<PortPlan, std::vector<Conflict>>;

Layout machine(const std::string& mix, const std::string& shape = "numa:2 core:4 pu:1") {
  return *layout(*load_topology(shape), *config::parse_mix(mix));
}

ListenerConfig listener(uint16_t port, std::vector<DriverName> drivers = {}) {
  ListenerConfig result;
  result.port = port;
  if (!drivers.empty()) result.drivers = {.all_io = false, .names = std::move(drivers)};
  return result;
}

ListenerConfig udp(uint16_t port, std::vector<DriverName> drivers = {}) {
  ListenerConfig result = listener(port, std::move(drivers));
  result.transport = Transport::udp;
  result.protocol = "echo";
  return result;
}

std::string sentences(const Planned& planned) {
  std::string text;
  if (!planned)
    for (const Conflict& each : planned.error()) text += (text.empty() ? "" : "\n") + each.sentence;
  return text.empty() ? "no conflict" : text;
}

Planned plan(const std::vector<ListenerConfig>& listeners,
             const std::string& mix = "1io+2exec+1both") {
  return plan_ports(listeners, machine(mix));
}

TEST(Plan, IoMeansEveryDriverThatDoesIo) {
  auto planned = plan({listener(80)});
  ASSERT_TRUE(planned) << sentences(planned);
  ASSERT_EQ(planned->ports.size(), 1u);
  EXPECT_EQ(planned->ports[0].members, (std::vector<DriverName>{{0, 0}, {0, 3}, {1, 0}, {1, 3}}));
  EXPECT_EQ(planned->served_by({0, 3}).size(), 1u);
  EXPECT_TRUE(planned->served_by({0, 1}).empty());
}

TEST(Plan, TheCanonicalFormHoldsEveryField) {
  auto planned = plan({listener(80, {{0, 0}})});
  ASSERT_TRUE(planned) << sentences(planned);
  EXPECT_EQ(
      planned->ports[0].canonical.bytes(),
      "address=127.0.0.1\nport=80\ntransport=tcp\nname=\"\"\nprotocol=\"http\"\nhandler=\"hello\"\n"
      "dedicated=false\nno_delay=true\nv6only=false\nbacklog=4096\nbuffers.count=1024\nbuffers."
      "size=4096\n"
      "limits.connections=10000\nlimits.header_bytes=16384\nlimits.body_bytes=1048576\n"
      "timeouts.header_ms=5000\ntimeouts.idle_ms=60000\ntimeouts.drain_ms=10000\nreceive_buffer=0\n"
      "send_buffer=0\nmultishot=true\nbundles=false\nmembers=1\n");
}

TEST(Plan, TheHashIsFnv1a) {
  EXPECT_EQ(CanonicalConfig().hash(), 0xcbf29ce484222325u);
  EXPECT_EQ(CanonicalConfig(std::vector<CanonicalConfig::Field>{{"a", "b"}}).hash(),
            0xec8b8c82c37596fbu);
}

// A handler cannot smuggle in a field by a line break in its name.
TEST(Plan, ValuesCannotForgeFields) {
  ListenerConfig forged = listener(80);
  forged.handler = "hello\"\ndedicated=true";
  auto planned = plan({forged});
  ASSERT_TRUE(planned);
  EXPECT_NE(
      planned->ports[0].canonical.bytes().find("handler=\"hello\\\"\\u000Adedicated=true\"\n"),
      std::string::npos);
}

TEST(Plan, ListenersThatAgreeAreOnePort) {
  auto planned =
      plan({listener(80, {{0, 0}}), listener(80, {{1, 0}}), listener(80, {{0, 0}, {0, 3}})});
  ASSERT_TRUE(planned) << sentences(planned);
  ASSERT_EQ(planned->ports.size(), 1u);
  EXPECT_EQ(planned->ports[0].members, (std::vector<DriverName>{{0, 0}, {0, 3}, {1, 0}}));
  EXPECT_EQ(planned->ports[0].canonical.fields().back(), (CanonicalConfig::Field{"members", "3"}));
}

TEST(Plan, R11TwoConfigurationsOfOnePortNameDriversAndEveryField) {
  ListenerConfig other = listener(80, {{0, 3}});
  other.backlog = 128;
  other.protocol = "echo";
  other.declared = {"a.toml", 12};
  auto planned = plan({listener(80, {{0, 0}}), other});
  EXPECT_EQ(
      sentences(planned),
      "port 127.0.0.1:80/tcp: driver 0/3 (a.toml:12) and driver 0/0 must have the same "
      "configuration, but protocol is \"echo\" against \"http\", backlog is 128 against 4096");
  const Conflict& conflict = planned.error()[0];
  EXPECT_EQ(conflict.kind, Kind::differs);
  EXPECT_EQ(conflict.port, 80u);
  EXPECT_EQ(conflict.drivers, (std::vector<DriverName>{{0, 3}, {0, 0}}));
  EXPECT_EQ(conflict.differing, (std::vector<Difference>{{"protocol", "\"echo\"", "\"http\""},
                                                         {"backlog", "128", "4096"}}));
}

TEST(Plan, R12AllConflictsAreReported) {
  ListenerConfig a = listener(80, {{0, 0}}), b = listener(80, {{0, 3}}), c = listener(80, {{1, 0}});
  b.backlog = 1;
  c.backlog = 2;
  auto planned = plan({a, b, c, listener(81, {{0, 1}}), listener(82, {{5, 0}})});
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().size(), 5u) << sentences(planned);
}

TEST(Plan, AnExecDriverCannotServe) {
  auto planned = plan({listener(80, {{0, 0}, {0, 1}})});
  EXPECT_EQ(sentences(planned),
            "127.0.0.1:80/tcp: drivers: driver 0/1 is an exec driver, which does no I/O");
  EXPECT_EQ(planned.error()[0].kind, Kind::bad_driver);
}

TEST(Plan, ADriverThatIsNotThereIsNamed) {
  EXPECT_EQ(sentences(plan({listener(80, {{0, 4}})})),
            "127.0.0.1:80/tcp: drivers: driver 0/4 does not exist: node 0 has drivers 0 to 3");
  EXPECT_EQ(sentences(plan({listener(80, {{7, 0}})})),
            "127.0.0.1:80/tcp: drivers: driver 7/0 does not exist: no TPC is on node 7");
}

TEST(Plan, AnEmptySetIsRefused) {
  ListenerConfig empty = listener(80);
  empty.drivers.all_io = false;
  EXPECT_EQ(sentences(plan({empty})),
            "127.0.0.1:80/tcp: drivers: the set is empty; name a driver or write \"io\"");
}

TEST(Plan, ALayoutWithoutIoServesNothing) {
  auto planned = plan({listener(80)}, "2exec");
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error()[0].kind, Kind::no_drivers);
}

TEST(Plan, TasksThatNobodyExecutesAreRefused) {
  EXPECT_EQ(sentences(plan({listener(80)}, "2io")),
            "127.0.0.1:80/tcp: no driver of this layout executes tasks, so nothing could run its "
            "handler; add an exec or a both "
            "driver to a mix");
  EXPECT_TRUE(plan({listener(80)}, "0:1io,1:1exec"));
}

TEST(Plan, ValuesOfAProgramAreCheckedToo) {
  ListenerConfig bad = listener(80);
  bad.backlog = 0;
  EXPECT_EQ(sentences(plan({bad})),
            "127.0.0.1:80/tcp: backlog: 0 is out of range, 1 to 65535 is allowed");
  bad = listener(80);
  bad.address = "localhost";
  EXPECT_EQ(plan({bad}).error()[0].kind, Kind::invalid);
}

TEST(Plan, R13TcpAndUdpOnOneNumberAreTwoPorts) {
  auto planned = plan({listener(53), udp(53)});
  ASSERT_TRUE(planned) << sentences(planned);
  EXPECT_EQ(planned->ports.size(), 2u);
}

TEST(Plan, R13ADedicatedListenerSharesNoDriverWithTheOtherTransport) {
  ListenerConfig dedicated = listener(80, {{0, 0}, {0, 3}});
  dedicated.dedicated = true;
  auto planned = plan({dedicated, udp(53)});
  EXPECT_EQ(sentences(planned),
            "port 127.0.0.1:80/tcp is dedicated, so its drivers serve no udp, but port "
            "127.0.0.1:53/udp is on drivers 0/0, 0/3 as well; name other drivers for one of them");
  EXPECT_TRUE(plan({dedicated, udp(53, {{1, 0}}), listener(81)}));
}

TEST(Plan, R13HoldsForADedicatedUdpListenerToo) {
  ListenerConfig dedicated = udp(53, {{0, 3}});
  dedicated.dedicated = true;
  auto planned = plan({listener(80), dedicated});
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error()[0].kind, Kind::dedicated);
  EXPECT_EQ(planned.error()[0].transport, Transport::udp);
  EXPECT_EQ(planned.error()[0].drivers, (std::vector<DriverName>{{0, 3}}));
}

TEST(Plan, R14AnAddressThatCoversAnotherIsRefused) {
  ListenerConfig any = listener(80, {{0, 0}});
  any.address = "0.0.0.0";
  auto planned = plan({any, listener(80, {{1, 0}})});
  EXPECT_EQ(sentences(planned),
            "port 0.0.0.0:80/tcp and port 127.0.0.1:80/tcp: one address covers the other, so "
            "driver 0/0 and driver 1/0 would take each other's traffic; keep one of them, or give "
            "them different ports");
  EXPECT_TRUE(plan({any, listener(81)}));
}

TEST(Plan, AnAddressHasOneSpelling) {
  ListenerConfig a = listener(80), b = listener(80);
  a.address = "::1";
  b.address = "0:0::0:1";
  auto planned = plan({a, b});
  ASSERT_TRUE(planned) << sentences(planned);
  EXPECT_EQ(planned->ports.size(), 1u);
}

TEST(Plan, PortZeroIsOnePortForAllItsDriversAndComesLast) {
  auto planned = plan({listener(0), listener(0), listener(9000)});
  ASSERT_TRUE(planned) << sentences(planned);
  ASSERT_EQ(planned->ports.size(), 2u);
  EXPECT_EQ(planned->ports[1].config.port, 0);
  EXPECT_EQ(planned->ports[1].members.size(), 4u);
}

TEST(Plan, NamesTellPortsOnNumberZeroApart) {
  ListenerConfig echo = listener(0);
  echo.protocol = "echo";
  EXPECT_FALSE(plan({listener(0), echo}));
  echo.name = "echo";
  auto planned = plan({listener(0), echo});
  ASSERT_TRUE(planned) << sentences(planned);
  EXPECT_EQ(planned->ports.size(), 2u);
}

TEST(Plan, R17ADriverJoinsWithTheSameConfigurationOnly) {
  auto planned = plan({listener(80, {{0, 0}, {0, 3}})});
  ASSERT_TRUE(planned);
  const PlannedPort& port = planned->ports[0];
  EXPECT_TRUE(join(port, {0, 3}, port.canonical));
  EXPECT_EQ(join(port, {1, 0}, port.canonical).error().text,
            "driver 1/0 cannot join port 127.0.0.1:80/tcp, whose drivers are 0/0, 0/3");
  auto fields = port.canonical.fields();
  fields[9].second = "1";
  EXPECT_EQ(join(port, {0, 3}, CanonicalConfig(fields)).error().text,
            "driver 0/3 cannot join port 127.0.0.1:80/tcp: it must have the same configuration as "
            "driver 0/0, but backlog is 1 "
            "against 4096");
}

TEST(Plan, DifferencesSeeFieldsThatOneSideLacks) {
  std::vector<CanonicalConfig::Field> one{{"x", "1"}, {"y", "2"}}, two{{"y", "2"}, {"z", "3"}};
  CanonicalConfig a(one), b(two);
  EXPECT_EQ(differences(a, b),
            (std::vector<Difference>{{"x", "1", "absent"}, {"z", "absent", "3"}}));
}

// One socket on the address; port 0 asks for any, and the answer goes to `port`. 0 or -errno.
int bind_one(Kernel& kernel, int& fd, const std::string& address, bool v6only, uint16_t& port) {
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  bool is_v6 = inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1;
  if (!is_v6) inet_pton(AF_INET, address.c_str(), &v4.sin_addr);
  v6.sin6_family = AF_INET6;
  v4.sin_family = AF_INET;
  v6.sin6_port = v4.sin_port = htons(port);
  fd = kernel.socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  int only = v6only;
  if (is_v6) kernel.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  auto* where = is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t size = is_v6 ? sizeof v6 : sizeof v4;
  if (int rc = kernel.bind(fd, where, size); rc != 0) return rc;
  kernel.getsockname(fd, where, &size);
  port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
  return 0;
}

// C4: our table of overlaps is the kernel's (without SO_REUSEPORT).
TEST(Plan, AddressesCoverEachOtherAsInTheKernel) {
  const std::pair<const char*, bool> addresses[] = {
      {"0.0.0.0", false}, {"127.0.0.1", false}, {"127.0.0.2", false}, {"::", false},
      {"::", true},       {"::1", false},       {"::1", true}};
  LinuxKernel kernel;
  unsigned compared = 0, overlaps = 0;
  for (auto [first, first_only] : addresses) {
    for (auto [second, second_only] : addresses) {
      int a = -1, b = -1;
      uint16_t port = 0;
      if (bind_one(kernel, a, first, first_only, port) == 0) {
        int error = bind_one(kernel, b, second, second_only, port);
        if (error == 0 || error == -EADDRINUSE) {
          ++compared;
          overlaps += error != 0;
          EXPECT_EQ(covers(first, first_only, second, second_only), error == -EADDRINUSE)
              << first << (first_only ? " v6only" : "") << " then " << second
              << (second_only ? " v6only" : "");
        }
      }
      if (a >= 0) kernel.close(a);
      if (b >= 0) kernel.close(b);
    }
  }
  if (compared < 49)
    GTEST_SKIP() << "only " << compared << " of 49 pairs: this machine has no IPv6";
  EXPECT_EQ(overlaps, 29u);
}

}  // namespace
}  // namespace gatio
