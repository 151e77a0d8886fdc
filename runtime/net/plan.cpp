#include "runtime/net/plan.hpp"

#include <errno.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/config/fields.hpp"

namespace gatio {
namespace {

using config::DriverSet;
using config::Invalid;
using config::Range;

// What tells one port from another.
struct PortKey {
  Transport transport;
  std::string address;  // the normal spelling
  unsigned port;
  std::string name;  // on number 0 only
  auto operator<=>(const PortKey&) const = default;
};

// One distinct configuration of a port: listeners that agree are one of these.
struct Variant {
  ListenerConfig config;
  std::set<std::string> declared;  // how people find its listeners
  std::set<DriverName> members;
};

// By the bytes of the configuration, so that the order of declaration leaves no trace.
using Variants = std::map<std::string, Variant>;

std::string find_by(const ListenerConfig& listener) {
  std::string text = endpoint(listener.address, listener.port, listener.transport);
  if (!listener.name.empty()) text = "'" + listener.name + "' " + text;
  std::string place = listener.declared.text();
  return place.empty() ? text : place + " (" + text + ")";
}

template <typename Names>
std::string listed(const Names& names) {
  std::string text;
  for (const auto& each : names) {
    if (!text.empty()) text += ", ";
    if constexpr (requires { each.text(); }) {
      text += each.text();
    } else {
      text += each;
    }
  }
  return text;
}

// All but the number of its members.
CanonicalConfig config_of(const ListenerConfig& listener, const PlanOptions& options) {
  auto flag = [](bool value) { return value ? "true" : "false"; };
  CanonicalConfig config;
  config.add("address", listener.address);
  config.add("port", listener.port);
  config.add("transport", name(listener.transport));
  config.add("name", config::quoted(listener.name));
  config.add("protocol", config::quoted(listener.protocol));
  config.add("handler", config::quoted(listener.handler));
  config::each_flag(listener, [&](const char* key, bool value) { config.add(key, flag(value)); });
  config::each_number(listener,
                      [&](const char* key, unsigned value, Range) { config.add(key, value); });
  config.add("multishot", flag(options.multishot));
  config.add("bundles", flag(options.bundles));
  return config;
}

class Planner {
 public:
  Planner(const Layout& layout, const PlanOptions& options) : layout_(layout), options_(options) {}

  void add(ListenerConfig listener) {
    auto address = config::normal_address(listener.address);
    if (address) listener.address = *address;
    for (const Invalid& invalid : validate(listener))
      refuse(Conflict::Kind::invalid, listener, {}, invalid.key + ": " + invalid.sentence);
    if (!address) return;
    Variant& variant = variants_of(listener)[config_of(listener, options_).bytes()];
    variant.declared.insert(find_by(listener));
    variant.members.merge(members_of(listener));
    // Of several declarations that agree the one that sorts first stands for all, whatever their
    // order.
    if (find_by(listener) == *variant.declared.begin()) variant.config = std::move(listener);
  }

  std::expected<PortPlan, std::vector<Conflict>> finish() {
    check_executors();
    check_variants();
    check_pairs();
    if (!conflicts_.empty()) {
      std::ranges::sort(conflicts_, {},
                        [](const Conflict& each) { return std::tie(each.port, each.sentence); });
      auto doubled = std::ranges::unique(conflicts_);
      conflicts_.erase(doubled.begin(), doubled.end());
      return std::unexpected(std::move(conflicts_));
    }
    PortPlan plan;
    for (bool chosen_by_kernel : {false, true})
      for (const auto& [key, variants] : ports_)
        if ((key.port == 0) == chosen_by_kernel)
          plan.ports.push_back(planned(variants.begin()->second));
    return plan;
  }

 private:
  Variants& variants_of(const ListenerConfig& listener) {
    return ports_[{listener.transport, listener.address, listener.port,
                   listener.port == 0 ? listener.name : ""}];
  }

  std::set<DriverName> members_of(const ListenerConfig& listener) {
    std::set<DriverName> members;
    if (listener.drivers.all_io) {
      for (const TpcLayout& tpc : layout_.tpcs)
        for (const DriverLayout& driver : tpc.drivers)
          if (does_io(driver.role)) members.insert(driver.name());
      if (members.empty())
        refuse(Conflict::Kind::no_drivers, listener, {},
               "no driver of this layout does I/O, so none can serve it; add an io or a both "
               "driver to a mix");
      return members;
    }
    if (listener.drivers.names.empty())
      refuse(Conflict::Kind::no_drivers, listener, {},
             "drivers: the set is empty; name a driver or write \"io\"");
    for (DriverName each : listener.drivers.names)
      if (may_serve(listener, each)) members.insert(each);
    return members;
  }

  bool may_serve(const ListenerConfig& listener, DriverName driver) {
    const DriverLayout* found = layout_.find(driver);
    if (found && does_io(found->role)) return true;
    std::string why = "driver " + driver.text();
    if (found) {
      why += " is an exec driver, which does no I/O";
    } else {
      auto tpc = std::ranges::find(layout_.tpcs, driver.node, &TpcLayout::os_index);
      why += tpc == layout_.tpcs.end()
                 ? " does not exist: no TPC is on node " + std::to_string(driver.node)
                 : " does not exist: node " + std::to_string(driver.node) + " has drivers 0 to " +
                       std::to_string(tpc->drivers.size() - 1);
    }
    refuse(Conflict::Kind::bad_driver, listener, {driver}, "drivers: " + why);
    return false;
  }

  void refuse(Conflict::Kind kind, const ListenerConfig& listener, std::vector<DriverName> drivers,
              const std::string& why) {
    conflicts_.push_back({.kind = kind,
                          .sentence = find_by(listener) + ": " + why,
                          .address = listener.address,
                          .port = listener.port,
                          .transport = listener.transport,
                          .drivers = std::move(drivers),
                          .listeners = {find_by(listener)},
                          .differing = {}});
  }

  void check_executors() {
    bool any = std::ranges::any_of(layout_.tpcs, [](const TpcLayout& tpc) {
      return std::ranges::any_of(tpc.drivers,
                                 [](const DriverLayout& each) { return executes(each.role); });
    });
    for (const auto& [key, variants] : ports_)
      for (const auto& [bytes, variant] : variants)
        if (!any)
          refuse(Conflict::Kind::no_executor, variant.config, {},
                 "no driver of this layout executes tasks, so nothing could run its handler; add "
                 "an exec or a both "
                 "driver to a mix");
  }

  // R11: whatever declares a port says the same; each two that do not are reported.
  void check_variants() {
    for (const auto& [key, variants] : ports_)
      for (auto first = variants.begin(); first != variants.end(); ++first)
        for (auto second = std::next(first); second != variants.end(); ++second)
          differ(first->second, second->second);
  }

  void differ(const Variant& first, const Variant& second) {
    Conflict conflict = between(Conflict::Kind::differs, first, second);
    conflict.differing =
        differences(config_of(first.config, options_), config_of(second.config, options_));
    std::string text = port_name(first) + ": " + sides(conflict, first, second) +
                       " must have the same configuration, but ";
    for (const Difference& each : conflict.differing)
      text += (&each == conflict.differing.data() ? "" : ", ") + each.field + " is " + each.first +
              " against " + each.second;
    conflict.sentence = text;
    conflicts_.push_back(std::move(conflict));
  }

  // R13 and R14 are about two ports.
  void check_pairs() {
    for (auto first = ports_.begin(); first != ports_.end(); ++first)
      for (auto second = std::next(first); second != ports_.end(); ++second)
        for (const auto& [a_bytes, a] : first->second)
          for (const auto& [b_bytes, b] : second->second) {
            check_cover(a, b);
            check_dedicated(a, b);
            check_dedicated(b, a);
          }
  }

  void check_cover(const Variant& a, const Variant& b) {
    const ListenerConfig& first = a.config;
    const ListenerConfig& second = b.config;
    if (first.transport != second.transport || first.port != second.port || first.port == 0) return;
    if (!covers(first.address, first.v6only, second.address, second.v6only)) return;
    Conflict conflict = between(Conflict::Kind::covers, a, b);
    conflict.sentence = port_name(a) + " and " + port_name(b) +
                        ": one address covers the other, so " + sides(conflict, a, b) +
                        " would take each other's traffic; keep one of them, or give them " +
                        "different ports";
    conflicts_.push_back(std::move(conflict));
  }

  void check_dedicated(const Variant& a, const Variant& b) {
    if (!a.config.dedicated || a.config.transport == b.config.transport) return;
    std::vector<DriverName> shared;
    std::ranges::set_intersection(a.members, b.members, std::back_inserter(shared));
    if (shared.empty()) return;
    Conflict conflict = between(Conflict::Kind::dedicated, a, b);
    conflict.drivers = shared;
    conflict.sentence = port_name(a) + " is dedicated, so its drivers serve no " +
                        std::string(name(b.config.transport)) + ", but " + port_name(b) +
                        place_of(b) + " is on driver" + (shared.size() == 1 ? " " : "s ") +
                        listed(shared) + " as well; name other drivers for one of them";
    conflicts_.push_back(std::move(conflict));
  }

  static Conflict between(Conflict::Kind kind, const Variant& a, const Variant& b) {
    Conflict conflict{.kind = kind,
                      .sentence = {},
                      .address = a.config.address,
                      .port = a.config.port,
                      .transport = a.config.transport,
                      .drivers = {},
                      .listeners = {},
                      .differing = {}};
    // Two different drivers where there are two: that is what people look for.
    for (DriverName first : a.members)
      for (DriverName second : b.members)
        if (conflict.drivers.empty() ||
            (conflict.drivers[0] == conflict.drivers[1] && first != second))
          conflict.drivers = {first, second};
    conflict.listeners.assign(a.declared.begin(), a.declared.end());
    conflict.listeners.insert(conflict.listeners.end(), b.declared.begin(), b.declared.end());
    return conflict;
  }

  static std::string port_name(const Variant& variant) {
    return "port " +
           endpoint(variant.config.address, variant.config.port, variant.config.transport);
  }

  // " (a.toml:3)", or nothing where a program declared it.
  static std::string place_of(const Variant& variant) {
    std::string place = variant.config.declared.text();
    return place.empty() ? "" : " (" + place + ")";
  }

  // "driver 0/0 (a.toml:3) and driver 0/1 (a.toml:9)".
  static std::string sides(const Conflict& conflict, const Variant& a, const Variant& b) {
    if (conflict.drivers.empty()) return *a.declared.begin() + " and " + *b.declared.begin();
    return "driver " + conflict.drivers[0].text() + place_of(a) + " and driver " +
           conflict.drivers[1].text() + place_of(b);
  }

  PlannedPort planned(const Variant& variant) const {
    PlannedPort port{.config = variant.config,
                     .canonical = {},
                     .members = {variant.members.begin(), variant.members.end()}};
    port.config.drivers = {.all_io = false, .names = port.members};
    port.canonical = canonical_config(port.config, port.members.size(), options_);
    return port;
  }

  const Layout& layout_;
  PlanOptions options_;
  std::map<PortKey, Variants> ports_;
  std::vector<Conflict> conflicts_;
};

}  // namespace

std::vector<const PlannedPort*> PortPlan::served_by(DriverName driver) const {
  std::vector<const PlannedPort*> result;
  for (const PlannedPort& port : ports)
    if (std::ranges::binary_search(port.members, driver)) result.push_back(&port);
  return result;
}

std::string_view name(Conflict::Kind kind) {
  switch (kind) {
    case Conflict::Kind::invalid:
      return "invalid";
    case Conflict::Kind::no_drivers:
      return "no_drivers";
    case Conflict::Kind::bad_driver:
      return "bad_driver";
    case Conflict::Kind::no_executor:
      return "no_executor";
    case Conflict::Kind::differs:
      return "differs";
    case Conflict::Kind::covers:
      return "covers";
    case Conflict::Kind::dedicated:
      return "dedicated";
  }
  return "?";
}

std::expected<PortPlan, std::vector<Conflict>> plan_ports(
    const std::vector<ListenerConfig>& listeners, const Layout& layout,
    const PlanOptions& options) {
  Planner planner(layout, options);
  for (const ListenerConfig& listener : listeners) planner.add(listener);
  return planner.finish();
}

CanonicalConfig canonical_config(const ListenerConfig& listener, size_t members,
                                 const PlanOptions& options) {
  CanonicalConfig config = config_of(listener, options);
  config.add("members", members);
  return config;
}

Result<void> join(const PlannedPort& port, DriverName driver, const CanonicalConfig& presented) {
  if (!std::ranges::binary_search(port.members, driver))
    return fail(EINVAL, "driver " + driver.text() + " cannot join port " + port.name() +
                            ", whose drivers are " + listed(port.members));
  if (presented == port.canonical) return {};
  std::string text = "driver " + driver.text() + " cannot join port " + port.name() +
                     ": it must have the same configuration as driver " +
                     port.members.front().text() + ", but ";
  bool first = true;
  for (const Difference& each : differences(presented, port.canonical)) {
    text += (first ? "" : ", ") + each.field + " is " + each.first + " against " + each.second;
    first = false;
  }
  return fail(EINVAL, text);
}

bool covers(const std::string& first, bool first_v6only, const std::string& second,
            bool second_v6only) {
  if (first == second) return true;
  auto is_v6 = [](const std::string& address) { return address.find(':') != address.npos; };
  // A wildcard covers all of its family; "::" covers the other one too, unless v6only is on.
  auto takes = [&](const std::string& wildcard, bool v6only, const std::string& other) {
    if (wildcard == "0.0.0.0") return !is_v6(other);
    return wildcard == "::" && (is_v6(other) || !v6only);
  };
  return takes(first, first_v6only, second) || takes(second, second_v6only, first);
}

}  // namespace gatio
