// Properties C1 to C13 of the port plan, as far as they are pure: whatever the listeners are.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <stdlib.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "runtime/config/mix.hpp"
#include "runtime/net/plan.hpp"

namespace gatio {
namespace {

using Listeners = std::vector<ListenerConfig>;
using Planned = std::expected<PortPlan, std::vector<Conflict>>;

// What happened over all runs of a property: each case must have been there.
struct Seen {
  std::map<std::string, unsigned> cases;
  void count(const Planned& planned) {
    if (planned) ++cases[planned->ports.size() > 1 ? "plan of several ports" : "plan"];
    if (!planned)
      for (const Conflict& each : planned.error()) ++cases[std::string(name(each.kind))];
  }
  void expect(std::initializer_list<const char*> wanted) {
    for (const char* each : wanted)
      EXPECT_GE(cases[each], 5u) << "the generator made too few of: " << each;
  }
};

Layout random_layout() {
  static const Topology topology = *load_topology("numa:2 core:4 pu:2");
  const char* mix = *rc::gen::weightedElement<const char*>({{6, "1io+1exec+2both"},
                                                            {4, "4both"},
                                                            {2, "0:2io,1:2exec"},
                                                            {1, "2io"},
                                                            {1, "2exec"},
                                                            {2, "1pair+2both"}});
  return *layout(topology, *config::parse_mix(mix));
}

ListenerConfig random_listener() {
  ListenerConfig listener;
  listener.address = *rc::gen::weightedElement<std::string>(
      {{9, "127.0.0.1"}, {2, "127.0.0.2"}, {3, "0.0.0.0"}, {2, "::1"}, {1, "0:0::1"}, {2, "::"}});
  listener.port = *rc::gen::element<uint16_t>(0, 80, 81, 82, 443, 8080, 9000, 9001);
  if (*rc::gen::arbitrary<bool>()) {
    listener.transport = Transport::udp;
    listener.protocol = "echo";
  }
  if (*rc::gen::inRange(0, 3) > 0) {
    listener.drivers.all_io = false;
    for (unsigned i = *rc::gen::weightedElement<unsigned>({{1, 0}, {20, 1}, {10, 2}}); i > 0; --i)
      listener.drivers.names.push_back(
          {*rc::gen::inRange(0u, 2u),
           *rc::gen::weightedElement<unsigned>({{9, 0}, {6, 2}, {6, 3}, {1, 1}, {1, 9}})});
  }
  listener.dedicated = *rc::gen::inRange(0, 8) == 0;
  listener.v6only = listener.address == "::" && *rc::gen::arbitrary<bool>();
  if (*rc::gen::inRange(0, 6) == 0) listener.backlog = *rc::gen::inRange(0u, 3u);
  if (*rc::gen::inRange(0, 6) == 0) listener.handler = "echo";
  if (*rc::gen::inRange(0, 8) == 0) listener.timeouts.idle_ms = 1000;
  listener.name = *rc::gen::weightedElement<std::string>({{9, ""}, {1, "admin"}});
  listener.declared = {"a.toml", *rc::gen::inRange(0u, 4u)};
  return listener;
}

Listeners random_listeners() {
  Listeners listeners(*rc::gen::inRange<size_t>(0, 5));
  for (ListenerConfig& each : listeners) each = random_listener();
  // Often one says again what another one said, wholly or but for its drivers.
  if (!listeners.empty() && *rc::gen::arbitrary<bool>()) {
    listeners.push_back(listeners.front());
    if (*rc::gen::arbitrary<bool>()) listeners.back().drivers = random_listener().drivers;
  }
  return listeners;
}

// All that a plan says, and all that conflicts say, as text.
std::string text_of(const Planned& planned) {
  std::string text;
  if (planned) {
    for (const PlannedPort& port : planned->ports) {
      text += port.canonical.bytes() + std::to_string(port.config.declared.line);
      for (DriverName member : port.members) text += " " + member.text();
      text += "\n";
    }
    return text;
  }
  for (const Conflict& each : planned.error()) {
    text += std::string(name(each.kind)) + " " + each.sentence + " at";
    for (DriverName driver : each.drivers) text += " " + driver.text();
    for (const std::string& where : each.listeners) text += ", " + where;
    text += "\n";
  }
  return text;
}

constexpr std::initializer_list<const char*> kEveryCase = {
    "plan",       "plan of several ports", "invalid", "no_drivers",
    "bad_driver", "no_executor",           "differs", "covers",
    "dedicated",
};

// rapidcheck's 100 runs are too few for every case to turn up. The seed is always the same, unless
// RC_PARAMS gives another one, so that a red run is never bad luck.
template <typename Property>
void check(const char* what, Property property) {
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  if (!getenv("RC_PARAMS")) params.seed = 1;
  params.maxSuccess = 3000;
  auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{what, what}, params);
  rc::detail::SuccessResult success;
  if (result.match(success)) return;
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  ADD_FAILURE() << what << ": " << text.str();
}

// The rules once more, as plainly as they can be said: does anything keep these two apart?
bool at_odds(const ListenerConfig& a, const ListenerConfig& b, const std::set<DriverName>& of_a,
             const std::set<DriverName>& of_b) {
  std::string address_a = *config::normal_address(a.address),
              address_b = *config::normal_address(b.address);
  if (a.transport != b.transport) {
    bool shared = std::ranges::any_of(of_a, [&](DriverName each) { return of_b.contains(each); });
    return shared && (a.dedicated || b.dedicated);
  }
  if (a.port != b.port) return false;
  if (address_a != address_b)
    return a.port != 0 && covers(address_a, a.v6only, address_b, b.v6only);
  if (a.port == 0 && a.name != b.name) return false;
  ListenerConfig same = b;
  same.drivers = a.drivers;
  same.address = a.address;
  return a != same;
}

std::set<DriverName> drivers_of(const ListenerConfig& listener, const Layout& layout) {
  if (!listener.drivers.all_io)
    return {listener.drivers.names.begin(), listener.drivers.names.end()};
  std::set<DriverName> drivers;
  for (const TpcLayout& tpc : layout.tpcs)
    for (const DriverLayout& each : tpc.drivers)
      if (each.role != Role::exec) drivers.insert(each.name());
  return drivers;
}

bool should_refuse(const Listeners& listeners, const Layout& layout) {
  bool executes = false;
  for (const TpcLayout& tpc : layout.tpcs)
    for (const DriverLayout& each : tpc.drivers) executes |= each.role != Role::io;
  for (const ListenerConfig& listener : listeners) {
    std::set<DriverName> drivers = drivers_of(listener, layout);
    if (!executes || drivers.empty() || !validate(listener).empty()) return true;
    for (DriverName each : drivers)
      if (!layout.find(each) || layout.find(each)->role == Role::exec) return true;
    for (const ListenerConfig& other : listeners)
      if (at_odds(listener, other, drivers, drivers_of(other, layout))) return true;
  }
  return false;
}

TEST(PlanProperty, TheVerdictIsTheRules) {
  Seen seen;
  check("verdict", [&] {
    Layout layout = random_layout();
    Listeners listeners = random_listeners();
    Planned planned = plan_ports(listeners, layout);
    seen.count(planned);
    RC_ASSERT(planned.has_value() == !should_refuse(listeners, layout));
  });
  seen.expect(kEveryCase);
}

TEST(PlanProperty, C5TheOrderOfDeclarationDecidesNothing) {
  Seen seen;
  unsigned moved = 0;
  check("permutation", [&] {
    Layout layout = random_layout();
    Listeners listeners = random_listeners();
    Listeners other = listeners;
    for (size_t i = other.size(); i > 1; --i)
      std::swap(other[i - 1], other[*rc::gen::inRange<size_t>(0, i)]);
    for (ListenerConfig& each : other) std::ranges::reverse(each.drivers.names);
    moved += other != listeners;
    Planned planned = plan_ports(listeners, layout);
    seen.count(planned);
    RC_ASSERT(text_of(planned) == text_of(plan_ports(other, layout)));
  });
  seen.expect(kEveryCase);
  EXPECT_GT(moved, 100u);
}

TEST(PlanProperty, C6SayingItTwiceIsSayingItOnce) {
  Seen seen;
  check("idempotence", [&] {
    Layout layout = random_layout();
    Listeners listeners = random_listeners();
    Planned once = plan_ports(listeners, layout);
    seen.count(once);
    Listeners twice = listeners;
    twice.insert(twice.end(), listeners.begin(), listeners.end());
    RC_ASSERT(text_of(once) == text_of(plan_ports(twice, layout)));
    if (!once) return;
    // A plan's own ports, declared again, give the plan.
    Listeners again;
    for (const PlannedPort& port : once->ports) again.push_back(port.config);
    RC_ASSERT(text_of(once) == text_of(plan_ports(again, layout)));
  });
  seen.expect(kEveryCase);
}

// Merging is associative: first some of them, then the plan of those with the rest.
TEST(PlanProperty, C6MergingInStepsIsMergingAtOnce) {
  Seen seen;
  unsigned merged = 0;
  check("associativity", [&] {
    Layout layout = random_layout();
    Listeners listeners = random_listeners();
    Planned whole = plan_ports(listeners, layout);
    seen.count(whole);
    if (!whole) return;
    merged += whole->ports.size() < listeners.size();
    size_t half = listeners.size() / 2;
    Listeners rest(listeners.begin() + half, listeners.end());
    Planned first = plan_ports({listeners.begin(), listeners.begin() + half}, layout);
    RC_ASSERT(first.has_value());
    for (const PlannedPort& port : first->ports) rest.push_back(port.config);
    RC_ASSERT(text_of(plan_ports(rest, layout)) == text_of(whole));
  });
  EXPECT_GE(merged, 20u);
}

TEST(PlanProperty, C7AnUnrelatedPortChangesNoVerdict) {
  Seen seen;
  check("monotone", [&] {
    Layout layout = random_layout();
    Listeners listeners = random_listeners();
    Planned before = plan_ports(listeners, layout);
    seen.count(before);
    ListenerConfig unrelated;
    unrelated.port = 7777;  // a number that the generator never takes
    // Dedicated listeners are related to all of the other transport.
    bool dedicated_udp = std::ranges::any_of(listeners, [](const ListenerConfig& each) {
      return each.dedicated && each.transport == Transport::udp;
    });
    if (dedicated_udp || !plan_ports({unrelated}, layout)) return;
    listeners.push_back(unrelated);
    Planned after = plan_ports(listeners, layout);
    RC_ASSERT(before.has_value() == after.has_value());
    if (!before) {
      RC_ASSERT(text_of(before) == text_of(after));
    } else {
      std::erase_if(after->ports, [](const PlannedPort& port) { return port.config.port == 7777; });
      RC_ASSERT(text_of(before) == text_of(after));
    }
  });
  seen.expect({"plan", "plan of several ports", "invalid", "no_drivers", "bad_driver", "differs",
               "covers", "dedicated"});
}

// Adding a listener never makes a conflict go away.
TEST(PlanProperty, C7ARefusalStays) {
  unsigned refused = 0;
  check("refusals stay", [&] {
    Layout layout = random_layout();
    Listeners listeners = random_listeners();
    if (plan_ports(listeners, layout)) return;
    ++refused;
    listeners.push_back(random_listener());
    RC_ASSERT(!plan_ports(listeners, layout));
  });
  EXPECT_GT(refused, 100u);
}

TEST(PlanProperty, C1AndC10EveryPortIsServedAsAskedByDriversThatDoIo) {
  Seen seen;
  unsigned several = 0;
  check("uniformity", [&] {
    Layout layout = random_layout();
    Listeners listeners = random_listeners();
    Planned planned = plan_ports(listeners, layout);
    seen.count(planned);
    if (!planned) return;
    for (const PlannedPort& port : planned->ports) {
      RC_ASSERT(!port.members.empty());
      RC_ASSERT(std::ranges::is_sorted(port.members));
      several += port.members.size() > 1;
      for (DriverName member : port.members) {
        RC_ASSERT(does_io(layout.find(member)->role));
        RC_ASSERT(join(port, member, port.canonical).has_value());
      }
    }
    // Nobody asked in vain: each listener's drivers serve its port as it says.
    for (const ListenerConfig& listener : listeners) {
      auto port = std::ranges::find_if(planned->ports, [&](const PlannedPort& each) {
        return each.config.port == listener.port && each.config.transport == listener.transport &&
               each.config.address == *config::normal_address(listener.address) &&
               each.config.name == listener.name;
      });
      RC_ASSERT(port != planned->ports.end());
      RC_ASSERT(port->config.backlog == listener.backlog &&
                port->config.handler == listener.handler &&
                port->config.timeouts == listener.timeouts &&
                port->config.dedicated == listener.dedicated);
      for (DriverName driver : listener.drivers.names)
        RC_ASSERT(std::ranges::binary_search(port->members, driver));
    }
  });
  seen.expect(kEveryCase);
  EXPECT_GT(several, 50u);
}

TEST(PlanProperty, C8ConflictsNameTheirPortAndBothSides) {
  Seen seen;
  check("sentences", [&] {
    Layout layout = random_layout();
    Planned planned = plan_ports(random_listeners(), layout);
    seen.count(planned);
    if (planned) return;
    for (const Conflict& each : planned.error()) {
      RC_ASSERT(each.sentence.find(config::endpoint(each.address, each.port, each.transport)) !=
                std::string::npos);
      for (const std::string& where : each.listeners) RC_ASSERT(!where.empty());
      for (const Difference& field : each.differing) {
        RC_ASSERT(field.first != field.second);
        RC_ASSERT(each.sentence.find(field.field + " is " + field.first + " against " +
                                     field.second) != std::string::npos);
      }
      RC_ASSERT((each.kind == Conflict::Kind::differs) == !each.differing.empty());
    }
  });
  seen.expect(kEveryCase);
}

}  // namespace
}  // namespace gatio
