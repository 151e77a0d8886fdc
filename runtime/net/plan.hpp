// The port plan: which driver serves which port with which configuration, decided before any socket
// exists (rules R11 to R17). A pure function of the listeners and the layout; made once at
// start-up, then read by any thread.
//
// A port is its address, number and transport; on number 0, where each port gets a number of its
// own, also the listener's name. Several listeners may declare one port, for different drivers say,
// when they agree.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/listener.hpp"
#include "runtime/net/canonical_config.hpp"
#include "runtime/tpc/layout.hpp"

namespace gatio {

using config::ListenerConfig;
using config::Transport;

// The net layer's own switches, which go into the canonical form: all drivers of a port must agree
// on them.
struct PlanOptions {
  bool multishot = true;
  bool bundles = false;
};

struct PlannedPort {
  ListenerConfig config;  // its drivers are `members`, its address in the normal spelling
  CanonicalConfig canonical;
  std::vector<DriverName> members;  // ascending, at least one
  [[nodiscard]] std::string name() const {
    return endpoint(config.address, config.port, config.transport);
  }
};

struct PortPlan {
  // By transport, address, number, name; those on number 0 last, so that the kernel cannot choose a
  // number for one of them that another listener is about to bind.
  std::vector<PlannedPort> ports;

  [[nodiscard]] std::vector<const PlannedPort*> served_by(DriverName driver) const;
};

// One reason why listeners are refused.
struct Conflict {
  enum class Kind : uint8_t {
    invalid,      // a value that no listener may have
    no_drivers,   // the set is empty
    bad_driver,   // no such driver, or one that does no I/O
    no_executor,  // no driver may execute its tasks
    differs,      // R11: one port, two configurations
    covers,       // R14: two ports, one address covers the other
    dedicated,    // R13: another transport on a dedicated listener's driver
  };
  Kind kind = Kind::invalid;
  std::string sentence;  // what, where and what to do
  std::string address;   // the port
  unsigned port = 0;
  Transport transport = Transport::tcp;
  std::vector<DriverName> drivers;     // those at odds: two where two disagree
  std::vector<std::string> listeners;  // how people find them: "gatio.toml:12 (127.0.0.1:8080/tcp)"
  std::vector<Difference> differing;   // Kind::differs
  bool operator==(const Conflict&) const = default;
};

[[nodiscard]] std::string_view name(Conflict::Kind kind);

// The plan, or all conflicts, sorted; neither depends on the order of the listeners (R16).
std::expected<PortPlan, std::vector<Conflict>> plan_ports(
    const std::vector<ListenerConfig>& listeners, const Layout& layout,
    const PlanOptions& options = {});

// The canonical configuration of a listener that `members` drivers serve.
[[nodiscard]] CanonicalConfig canonical_config(const ListenerConfig& listener, size_t members,
                                               const PlanOptions& options = {});

// R17: a driver that joins `port` of a running plan must be a member that presents the same
// configuration.
Result<void> join(const PlannedPort& port, DriverName driver, const CanonicalConfig& presented);

// Whether the one address, bound first on a port, keeps the other from being bound there (R14).
// Both in the normal spelling; equal addresses do.
[[nodiscard]] bool covers(const std::string& first, bool first_v6only, const std::string& second,
                          bool second_v6only);

}  // namespace gatio
