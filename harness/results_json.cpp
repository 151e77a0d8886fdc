#include "harness/results_json.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "harness/circumstances.hpp"
#include "harness/summary.hpp"

namespace gatio::harness {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& object, const char* key, const std::optional<double>& value) {
  if (value) object[key] = *value;
}

Json driver_json(const DriverMetrics& driver) {
  Json json = {{"tpc", driver.tpc},
               {"driver", driver.driver},
               {"role", config::name(driver.role)},
               {"cpu", driver.cpu},
               {"node", driver.node}};
  for (const DriverCounter& counter : kDriverCounters) json[counter.name] = driver.*counter.member;
  return json;
}

// How unevenly the drivers that do I/O shared the requests: the largest share over the mean one.
std::optional<double> imbalance(const ServerMetrics& server) {
  uint64_t largest = 0;
  uint64_t sum = 0;
  unsigned drivers = 0;
  for (const DriverMetrics& driver : server.drivers) {
    if (!config::does_io(driver.role)) continue;
    largest = std::max(largest, driver.requests);
    sum += driver.requests;
    ++drivers;
  }
  if (drivers == 0 || sum == 0) return std::nullopt;
  return static_cast<double>(largest) * drivers / static_cast<double>(sum);
}

void put_server_counters(Json& entry, const ServerMetrics& server) {
  put(entry, "enters_per_req", server.per_request(&DriverMetrics::enters));
  put(entry, "sqes_per_req", server.per_request(&DriverMetrics::sqes));
  put(entry, "cqes_per_req", server.per_request(&DriverMetrics::cqes));
  put(entry, "allocs_per_req", server.per_request(&DriverMetrics::allocations));
  if (const uint64_t enters = server.sum(&DriverMetrics::enters); enters > 0) {
    entry["cqe_per_enter"] =
        static_cast<double>(server.sum(&DriverMetrics::cqes)) / static_cast<double>(enters);
  }
  put(entry, "handoffs_per_req", server.per_request(&DriverMetrics::handoffs));
  entry["cq_overflow"] = server.sum(&DriverMetrics::cq_overflow);
  entry["enobufs"] = server.sum(&DriverMetrics::enobufs);
  put(entry, "imbalance", imbalance(server));
}

Json pressure_json(const Pressure& pressure) {
  Json json;
  put(json, "cpu_some_percent", pressure.stall_percent);
  json["steal_percent"] = pressure.steal_percent;
  json["load_average"] = pressure.load_average;
  return json;
}

Json gatio_json(const ServerSpec& server, const Measurement& measurement) {
  Json json;
  if (measurement.server) {
    json["server_requests"] = measurement.server->requests;
    json["server_errors"] = measurement.server->errors;
    json["server_connections"] = measurement.server->connections;
    json["drivers"] = Json::array();
    for (const DriverMetrics& driver : measurement.server->drivers)
      json["drivers"].push_back(driver_json(driver));
  }
  Json arguments = Json::object();
  for (const auto& [argument, value] : server.arguments) arguments[argument] = value;
  json["arguments"] = std::move(arguments);
  json["order"] = measurement.order;
  json["cpus"] = server.cpus;
  const LoadResult& load = measurement.load;
  json["load_errors"] = {{"connect", load.connect_errors},
                         {"read", load.read_errors},
                         {"write", load.write_errors},
                         {"status", load.status_errors},
                         {"timeout", load.timeouts}};
  if (measurement.simulated) return json;
  json["shared"] = measurement.shared;
  json["generator_cpus"] = measurement.generator_cpus;
  json["generator_cpu_ns"] = measurement.generator_cpu_ns;
  json["generator_bound"] = measurement.generator_bound;
  json["pressure"] = pressure_json(measurement.pressure);
  return json;
}

Json entry_json(const Plan& plan, const Measurement& measurement) {
  const Arm& arm = plan.arms[measurement.arm];
  const ServerSpec& server = plan.servers[arm.server];
  const auto requests = static_cast<double>(measurement.load.requests);
  Json entry;
  entry["name"] = arm.name;
  entry["run_name"] = arm.name;
  entry["family_index"] = measurement.arm;
  entry["per_family_instance_index"] = 0;
  entry["run_type"] = "iteration";
  entry["repetitions"] = plan.repetitions;
  entry["repetition_index"] = measurement.repetition;
  entry["threads"] = server.cpus.size();
  entry["iterations"] = measurement.load.requests;
  entry["real_time"] = static_cast<double>(measurement.load.duration_ns) / requests;
  entry["cpu_time"] = measurement.cpu_ns_per_request();
  entry["time_unit"] = "ns";
  entry["items_per_second"] = measurement.requests_per_second();
  entry["bytes_per_req"] = static_cast<double>(measurement.load.bytes) / requests;
  entry["errors"] = measurement.load.errors();
  if (!measurement.simulated) {
    entry["generator_bound"] = measurement.generator_bound ? 1 : 0;
    entry["ctx_per_req"] = static_cast<double>(measurement.server_context_switches) / requests;
  }
  put(entry, "lat_p50_us", measurement.latency_p50_us);
  put(entry, "lat_p99_us", measurement.latency_p99_us);
  if (measurement.server) put_server_counters(entry, *measurement.server);
  entry["gatio"] = gatio_json(server, measurement);
  return entry;
}

// Each arm against the floor and nginx, in pairs of the same repetition.
Json ratios_json(const Plan& plan, const std::vector<Measurement>& measurements) {
  Json list = Json::array();
  for (size_t arm = 0; arm < plan.arms.size(); ++arm) {
    for (const size_t reference : references_of(plan, arm)) {
      const auto ratio = paired_cpu_ratio(measurements, arm, reference);
      if (!ratio) continue;
      list.push_back({{"name", plan.arms[arm].name},
                      {"reference", plan.arms[reference].name},
                      {"cpu_time_ratio", ratio->median},
                      {"spread", ratio->spread},
                      {"pairs", ratio->pairs}});
    }
  }
  return list;
}

}  // namespace

std::string results_json(const Scenario& scenario, const Plan& plan, const Context& context,
                         const std::vector<Measurement>& measurements) {
  Json json;
  Json& head = json["context"];
  head["date"] = context.date;
  head["executable"] = context.executable;
  head["num_cpus"] = context.cpus;
  head["library_build_type"] = library_build_type(context.build_type);
  head["build_type"] = context.build_type;
  head["scenario"] = scenario.name;
  head["revision"] = context.revision;
  head["binaries"] = Json::object();
  for (const auto& [name, hash] : context.binaries) head["binaries"][name] = hash;
  head["cpu_model"] = context.cpu_model;
  head["kernel"] = context.kernel;
  head["topology"] = context.topology;
  head["seed"] = context.seed;
  head["generator"] = context.generator;
  head["seconds"] = plan.seconds;
  head["pipeline"] = scenario.load.pipeline;
  head["complete"] = context.complete;
  head["skipped"] = Json::array();
  for (const std::string& sentence : plan.skipped)
    head["skipped"].push_back(without_folders(sentence));
  head["paired_ratios"] = ratios_json(plan, measurements);
  json["benchmarks"] = Json::array();
  for (const Measurement& measurement : measurements)
    json["benchmarks"].push_back(entry_json(plan, measurement));
  // A server's output may hold any bytes; they must not make the file invalid.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> write_results(const std::string& path, const std::string& json) {
  const std::string temporary = fmt::format("{}.{}", path, getpid());
  errno = 0;
  std::ofstream out(temporary);
  out << json;
  out.close();
  if (!out || rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno != 0 ? errno : EIO;
    remove(temporary.c_str());
    return fail(code, fmt::format("cannot write the results to {}: {}", path, strerror(code)));
  }
  return {};
}

}  // namespace gatio::harness
