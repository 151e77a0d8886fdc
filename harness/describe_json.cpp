#include "harness/describe_json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace gatio::harness {
namespace {

using Json = nlohmann::ordered_json;

std::string hash_text(const CanonicalConfig& canonical) {
  return fmt::format("{:016x}", canonical.hash());
}

Json names(const std::vector<DriverName>& drivers) {
  Json list = Json::array();
  for (DriverName each : drivers) list.push_back(each.text());
  return list;
}

Json of(const Node& node) {
  Json cores = Json::array();
  for (const Core& core : node.cores)
    cores.push_back({{"core", core.index}, {"l3", core.l3}, {"cpus", core.pus}});
  return {{"node", node.os_index}, {"memory_bytes", node.memory_bytes}, {"cores", cores}};
}

Json of(const Environment& environment) {
  Json features = Json::object();
  for (const FeatureName& each : feature_names())
    features[each.name] = {{"here", environment.features.*each.member},
                           {"used", each.used},
                           {"since", each.since},
                           {"for", each.purpose}};
  Json problems = Json::array();
  for (const Problem& each : environment.problems)
    problems.push_back({{"fatal", each.severity == Problem::Severity::fatal}, {"text", each.text}});
  const Limits& limits = environment.limits;
  Json result = {
      {"release", limits.kernel_release}, {"features", features}, {"problems", problems}};
  if (limits.io_uring_disabled) result["io_uring_disabled"] = *limits.io_uring_disabled;
  // "No limit" is no number: it is left out.
  if (limits.locked_memory_bytes != UINT64_MAX)
    result["locked_memory_bytes"] = limits.locked_memory_bytes;
  result["open_files"] = limits.open_files;
  result["open_files_hard"] = limits.open_files_hard;
  return result;
}

Json of(const PlannedPort& port) {
  Json config = Json::object();
  for (const auto& [field, value] : port.canonical.fields()) config[field] = value;
  return {{"address", port.config.address},           {"port", port.config.port},
          {"transport", name(port.config.transport)}, {"drivers", names(port.members)},
          {"hash", hash_text(port.canonical)},        {"config", config}};
}

Json of(const DriverLayout& driver, const PortPlan& plan) {
  Json ports = Json::array();
  for (const PlannedPort* each : plan.served_by(driver.name()))
    ports.push_back({{"port", each->name()}, {"hash", hash_text(each->canonical)}});
  Json result = {{"driver", driver.name().text()},
                 {"node", driver.node},
                 {"role", name(driver.role)},
                 {"cpu", driver.pu},
                 {"core", driver.core},
                 {"l3", driver.l3},
                 {"ports", ports}};
  if (driver.partner) result["partner"] = DriverName{driver.node, *driver.partner}.text();
  return result;
}

Json of(const Conflict& conflict) {
  Json differing = Json::array();
  for (const Difference& each : conflict.differing)
    differing.push_back({{"field", each.field}, {"first", each.first}, {"second", each.second}});
  return {{"kind", name(conflict.kind)},           {"sentence", conflict.sentence},
          {"address", conflict.address},           {"port", conflict.port},
          {"transport", name(conflict.transport)}, {"drivers", names(conflict.drivers)},
          {"listeners", conflict.listeners},       {"differing", differing}};
}

// A user's text may hold bytes that are no UTF-8; they become replacement characters.
std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string topology_json(const Topology& topology, const Environment& environment) {
  Json nodes = Json::array();
  for (const Node& node : topology.nodes) nodes.push_back(of(node));
  return text_of({{"topology", topology.source},
                  {"nodes", nodes},
                  {"distances", topology.distances},
                  {"kernel", of(environment)}});
}

std::string plan_json(const std::string& topology, const Layout& layout, const PortPlan& plan) {
  Json drivers = Json::array();
  for (const TpcLayout& tpc : layout.tpcs)
    for (const DriverLayout& driver : tpc.drivers) drivers.push_back(of(driver, plan));
  Json ports = Json::array();
  for (const PlannedPort& port : plan.ports) ports.push_back(of(port));
  return text_of({{"topology", topology}, {"drivers", drivers}, {"ports", ports}});
}

std::string conflicts_json(const std::vector<Conflict>& conflicts) {
  Json list = Json::array();
  for (const Conflict& each : conflicts) list.push_back(of(each));
  return text_of({{"conflicts", list}});
}

}  // namespace gatio::harness
