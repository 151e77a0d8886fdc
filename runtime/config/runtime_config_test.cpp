#include "runtime/config/runtime_config.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "runtime/config/fields.hpp"
#include "runtime/config/suggest.hpp"

namespace gatio::config {
namespace {

std::string error_of(std::string_view text) {
  auto config = parse(text, "a.toml");
  return config ? "no error" : config.error().text;
}

// A listener with one more line, so that the error is on line 3.
std::string listener_error(const std::string& line) {
  return error_of("[[listener]]\nport = 1\n" + line + "\n");
}

constexpr const char* kExample = R"([runtime]
placement = "least_work"
spin_us = 20
without = ["bundles"]
[[tpc]]
nodes = [0]
drivers = "1io+*exec"
[[listener]]
address = "127.0.0.1"
port = 8080
transport = "tcp"
protocol = "http"
handler = "hello"
drivers = ["0/0", "0/2"]
backlog = 128
buffers = { count = 256, size = 2048 }
limits = { connections = 10, header_bytes = 1024, body_bytes = 0 }
timeouts = { header_ms = 1, idle_ms = 2, drain_ms = 3 }
dedicated = true
)";

TEST(RuntimeConfig, ReadsEveryKey) {
  auto config = parse(kExample, "a.toml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->placement, "least_work");
  EXPECT_EQ(config->spin_us, 20u);
  EXPECT_EQ(config->without, std::vector<std::string>{"bundles"});
  ASSERT_EQ(config->tpcs.size(), 1u);
  EXPECT_EQ(config->tpcs[0].nodes, std::vector<unsigned>{0});
  EXPECT_EQ(print(config->tpcs[0].drivers), "1io+*exec");
  EXPECT_EQ(config->tpcs[0].declared.text(), "a.toml:5");
  ASSERT_EQ(config->listeners.size(), 1u);
  const ListenerConfig& listener = config->listeners[0];
  EXPECT_EQ(listener.port, 8080);
  EXPECT_EQ(listener.drivers.names, (std::vector<DriverName>{{0, 0}, {0, 2}}));
  EXPECT_FALSE(listener.drivers.all_io);
  EXPECT_EQ(listener.buffers, (Buffers{256, 2048}));
  EXPECT_EQ(listener.limits, (Limits{10, 1024, 0}));
  EXPECT_EQ(listener.timeouts, (Timeouts{1, 2, 3}));
  EXPECT_TRUE(listener.dedicated);
  EXPECT_EQ(listener.declared.line, 8u);
}

TEST(RuntimeConfig, AnEmptyFileIsTheDefaults) {
  auto config = parse("", "a.toml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(*config, RuntimeConfig{});
}

TEST(RuntimeConfig, AMisspeltKeyIsAnErrorWithASuggestion) {
  EXPECT_EQ(listener_error("backlgo = 1"),
            "a.toml:3: listener.backlgo: unknown; did you mean 'backlog'?");
  EXPECT_EQ(listener_error("buffers = { sise = 1 }"),
            "a.toml:3: listener.buffers.sise: unknown; did you mean 'size'?");
  EXPECT_EQ(error_of("[runtme]\n"), "a.toml:1: runtme: unknown; did you mean 'runtime'?");
  EXPECT_EQ(error_of("[runtime]\nplacment = 'best'"),
            "a.toml:2: runtime.placment: unknown; did you mean 'placement'?");
  EXPECT_EQ(error_of("[[tpc]]\nnode = [0]"), "a.toml:2: tpc.node: unknown; did you mean 'nodes'?");
}

TEST(RuntimeConfig, AnUnknownKeyNamesTheKnownOnes) {
  EXPECT_EQ(error_of("[[tpc]]\ncolour = 'red'"),
            "a.toml:2: tpc.colour: unknown; one of drivers, nodes is expected");
}

TEST(RuntimeConfig, AWrongTypeNamesBothTypes) {
  EXPECT_EQ(
      listener_error("backlog = '1'"),
      "a.toml:3: listener.backlog: an integer from 1 to 65535 is expected, but this is a string");
  EXPECT_EQ(listener_error("dedicated = 1"),
            "a.toml:3: listener.dedicated: true or false is expected, but this is an integer");
  EXPECT_EQ(
      listener_error("handler = 1.5"),
      "a.toml:3: listener.handler: a string is expected, but this is a floating-point number");
  EXPECT_EQ(listener_error("limits = 3"),
            "a.toml:3: listener.limits: a table, as in limits = { body_bytes = ... }, is expected, "
            "but this is an integer");
  EXPECT_EQ(error_of("[listener]\nport = 1"),
            "a.toml:1: listener: write [[listener]], with two brackets, before each one's keys");
  EXPECT_EQ(error_of("[[runtime]]"),
            "a.toml:1: runtime: write [runtime], in one pair of brackets, before its keys");
}

TEST(RuntimeConfig, ANumberOutOfRangeNamesTheRange) {
  EXPECT_EQ(listener_error("backlog = 65536"),
            "a.toml:3: listener.backlog: 65536 is out of range, 1 to 65535 is allowed");
  EXPECT_EQ(listener_error("buffers.count = -1"),
            "a.toml:3: listener.buffers.count: -1 is out of range, 1 to 32768 is allowed");
  EXPECT_EQ(error_of("[[listener]]\nport = 65536"),
            "a.toml:2: listener.port: 65536 is out of range, 0 to 65535 is allowed");
  EXPECT_EQ(error_of("[[listener]]\nport = 4294967376"),
            "a.toml:2: listener.port: 4294967376 is out of range, 0 to 65535 is allowed");
}

TEST(RuntimeConfig, ValuesThatContradictEachOtherAreRefused) {
  EXPECT_EQ(listener_error("v6only = true"),
            "a.toml:3: listener.v6only: is for IPv6 addresses, but the address is 127.0.0.1");
  EXPECT_EQ(
      listener_error("transport = 'udp'"),
      "a.toml:1: listener.protocol: http needs transport \"tcp\", but the transport is \"udp\"");
  EXPECT_EQ(
      listener_error("buffers.count = 1000"),
      "a.toml:3: listener.buffers.count: 1000 is no power of two; the nearest are 512 and 1024");
  EXPECT_EQ(
      error_of("[runtime]\nsq_entries = 64\ncq_entries = 32"),
      "a.toml:3: runtime.cq_entries: 32 is less than sq_entries (64), which io_uring refuses");
}

TEST(RuntimeConfig, AWordThatIsNoneOfThoseExpectedIsRefused) {
  EXPECT_EQ(listener_error("transport = 'tpc'"),
            "a.toml:3: listener.transport: \"tpc\" is unknown; \"tcp\" or \"udp\" is expected");
  EXPECT_EQ(error_of("[runtime]\nplacement = 'besst'"),
            "a.toml:2: runtime.placement: \"besst\" is unknown; did you mean 'best'?");
  EXPECT_EQ(listener_error("drivers = 'exec'"),
            "a.toml:3: listener.drivers: \"io\" or an array of node/driver is expected, as in "
            "[\"0/0\", \"0/2\"]");
  EXPECT_EQ(listener_error("drivers = ['0/0x']"), listener_error("drivers = 'exec'"));
}

TEST(RuntimeConfig, AddressesAreNumbers) {
  EXPECT_EQ(listener_error("address = 'localhost'"),
            "a.toml:3: listener.address: \"localhost\" is a name; write \"127.0.0.1\" or \"::1\"");
  EXPECT_EQ(listener_error("address = '::ffff:127.0.0.1'"),
            "a.toml:3: listener.address: \"::ffff:127.0.0.1\" is an IPv4 address in IPv6 clothes; "
            "write \"127.0.0.1\"");
  EXPECT_EQ(listener_error("address = '0::0:1'"), "no error");
}

TEST(RuntimeConfig, AListenerNeedsAPort) {
  EXPECT_EQ(
      error_of("[[listener]]\n"),
      "a.toml:1: listener.port: is missing; write a number, or 0 for one that the kernel chooses");
}

TEST(RuntimeConfig, AMixIsCheckedWhereItStands) {
  EXPECT_EQ(error_of("[[tpc]]\ndrivers = '1oi'"),
            "a.toml:2: tpc.drivers: mix '1oi' has 'oi' where io, exec, both or pair is expected "
            "(column 2)");
  EXPECT_EQ(error_of("[[tpc]]\nnodes = [0]\ndrivers = '0:1io'"),
            "a.toml:3: tpc.drivers: mix '0:1io' names its nodes, so `nodes` has to go");
  EXPECT_EQ(error_of("[[tpc]]\nnodes = []"),
            "a.toml:2: tpc.nodes: an array of node numbers is expected, as in [0, 1]; leave it out "
            "to mean every node");
}

TEST(RuntimeConfig, AllErrorsAreReportedInTheOrderOfTheFile) {
  EXPECT_EQ(
      error_of("[[listener]]\nport = -1\nzeta = 1\nbacklog = 0\n[runtime]\nspin_us = 'x'"),
      "a.toml:2: listener.port: -1 is out of range, 0 to 65535 is allowed\n"
      "a.toml:3: listener.zeta: unknown; one of address, backlog, buffers, dedicated, drivers, "
      "handler, limits, name, "
      "no_delay, port, protocol, receive_buffer, send_buffer, timeouts, transport, v6only is "
      "expected\n"
      "a.toml:4: listener.backlog: 0 is out of range, 1 to 65535 is allowed\n"
      "a.toml:6: runtime.spin_us: an integer from 0 to 10000 is expected, but this is a string");
}

TEST(RuntimeConfig, BrokenTomlNamesTheLine) {
  EXPECT_TRUE(error_of("[runtime]\nspin_us = = 3").starts_with("a.toml:2: "))
      << error_of("[runtime]\nspin_us = = 3");
}

TEST(RuntimeConfig, AFileThatIsNotThereIsNamed) {
  auto config = load("no-such-file.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text, "no-such-file.toml: cannot be read: No such file or directory");
  EXPECT_EQ(config.error().code, ENOENT);
  EXPECT_EQ(load(".").error().text, ".: cannot be read: Is a directory");
}

// C12: the smallest and the largest value pass, one more does not.
TEST(RuntimeConfig, EveryRangeHoldsAtItsEdges) {
  ListenerConfig listener;
  std::vector<std::string> keys;
  each_number(listener, [&](const char* key, unsigned& value, Range range) {
    unsigned before = value;
    value = static_cast<unsigned>(range.low);
    EXPECT_TRUE(validate(listener).empty()) << key;
    value = static_cast<unsigned>(range.high);
    EXPECT_TRUE(validate(listener).empty()) << key;
    value = static_cast<unsigned>(range.high + 1);
    ASSERT_EQ(validate(listener).size(), 1u) << key;
    EXPECT_EQ(validate(listener)[0].key, key);
    value = before;
    keys.push_back(key);
  });
  EXPECT_EQ(keys.size(), 11u);
}

std::string word() {
  return *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
}

template <typename Config>
void random_numbers(Config& config) {
  each_number(config, [](const char*, unsigned& value, Range range) {
    uint64_t edge = *rc::gen::inRange(0, 4);
    uint64_t inside = *rc::gen::inRange<uint64_t>(range.low, range.high + 1);
    value = static_cast<unsigned>(edge == 0 ? range.low : edge == 1 ? range.high : inside);
  });
}

ListenerConfig random_listener() {
  ListenerConfig listener;
  listener.name = word();
  listener.address =
      *rc::gen::element<std::string>("127.0.0.1", "0.0.0.0", "::", "::1", "2001:db8::7");
  listener.port = *rc::gen::arbitrary<uint16_t>();
  listener.transport = *rc::gen::element(Transport::tcp, Transport::udp);
  listener.protocol = listener.transport == Transport::tcp ? "http" : "x" + word();
  listener.handler = word();
  listener.drivers.all_io = *rc::gen::arbitrary<bool>();
  unsigned names = listener.drivers.all_io ? 0 : *rc::gen::inRange(0u, 4u);
  for (unsigned i = 0; i < names; ++i)
    listener.drivers.names.push_back({*rc::gen::inRange(0u, 9u), *rc::gen::inRange(0u, 99u)});
  each_flag(listener, [](const char*, bool& value) { value = *rc::gen::arbitrary<bool>(); });
  listener.v6only = listener.v6only && listener.address.find(':') != std::string::npos;
  random_numbers(listener);
  listener.buffers.count = 1u << *rc::gen::inRange(0, 16);
  return listener;
}

RuntimeConfig random_config() {
  RuntimeConfig config;
  config.topology = word();
  config.placement = *rc::gen::elementOf(placement_names());
  random_numbers(config);
  config.cq_entries = std::max(config.cq_entries, config.sq_entries);
  for (unsigned i = *rc::gen::inRange(0u, 3u); i > 0; --i) config.without.push_back(word());
  for (unsigned i = *rc::gen::inRange(0u, 3u); i > 0; --i) {
    TpcConfig& tpc = config.tpcs.emplace_back();
    for (unsigned n = *rc::gen::inRange(0u, 3u); n > 0; --n)
      tpc.nodes.push_back(*rc::gen::inRange(0u, 1024u));
    tpc.drivers = *parse_mix(*rc::gen::element<std::string>("1io+*exec", "2pair", "4both"));
  }
  for (unsigned i = *rc::gen::inRange(0u, 3u); i > 0; --i)
    config.listeners.push_back(random_listener());
  return config;
}

// C9.
TEST(RuntimeConfig, PrintingAndParsingGiveTheSameConfiguration) {
  unsigned listeners = 0, tpcs = 0;
  EXPECT_TRUE(rc::check("parse(print(config)) == config", [&] {
    RuntimeConfig config = random_config();
    listeners += config.listeners.size();
    tpcs += config.tpcs.size();
    auto parsed = parse(print(config), "a.toml");
    if (!parsed) RC_FAIL(parsed.error().text);
    RC_ASSERT(*parsed == config);
    RC_ASSERT(print(*parsed) == print(config));
  }));
  EXPECT_GT(listeners, 20u);
  EXPECT_GT(tpcs, 20u);
}

// C9: print() writes every key, so parsing the defaults' text gives them explicitly.
TEST(RuntimeConfig, ExplicitDefaultsAreTheImplicitOnes) {
  RuntimeConfig defaults;
  defaults.listeners.resize(1);
  defaults.tpcs.resize(1);
  EXPECT_EQ(*parse(print(defaults), "a.toml"), *parse("[[tpc]]\n[[listener]]\nport = 0", "a.toml"));
}

TEST(Suggest, OnlyWordsThatASlipExplains) {
  std::vector<std::string_view> words{"backlog", "buffers", "port"};
  EXPECT_EQ(closest("backlgo", words), "backlog");
  EXPECT_EQ(closest("prt", words), "port");
  EXPECT_EQ(closest("zebra", words), std::nullopt);
  EXPECT_EQ(closest("", words), std::nullopt);
}

}  // namespace
}  // namespace gatio::config
