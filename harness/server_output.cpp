#include "harness/server_output.hpp"

#include <errno.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace gatio::harness {
namespace {

using nlohmann::json;

// Reads the members of one object; the first that is missing or wrong is remembered.
class Members {
 public:
  Members(const json& object, std::optional<Error>& error) : object_(object), error_(error) {
    if (!object.is_object()) report("an object");
  }

  template <typename Number>
  void number(const char* key, Number& out) {
    const auto member = object_.find(key);
    if (member == object_.end() || !member->is_number_unsigned()) return report(key);
    out = member->get<Number>();
  }

  void role(const char* key, config::Role& out) {
    const auto member = object_.find(key);
    if (member == object_.end() || !member->is_string()) return report(key);
    const auto& text = member->get_ref<const std::string&>();
    for (const config::Role role : {config::Role::io, config::Role::exec, config::Role::both}) {
      if (text != config::name(role)) continue;
      out = role;
      return;
    }
    report(key);
  }

 private:
  void report(const char* what) {
    if (!error_)
      error_ = Error{EPROTO,
                     fmt::format("the server's metrics lack {}, or it is of the wrong type", what)};
  }

  const json& object_;
  std::optional<Error>& error_;
};

DriverMetrics driver_of(const json& object, std::optional<Error>& error) {
  DriverMetrics driver;
  Members members(object, error);
  members.number("tpc", driver.tpc);
  members.number("driver", driver.driver);
  members.role("role", driver.role);
  members.number("cpu", driver.cpu);
  members.number("node", driver.node);
  for (const DriverCounter& counter : kDriverCounters)
    members.number(counter.name, driver.*counter.member);
  return driver;
}

}  // namespace

Result<uint16_t> parse_listening(const std::string& line) {
  const auto bad = [&] {
    return fail(EPROTO, fmt::format("the server's first line names no HTTP port over TCP: {}",
                                    line.substr(0, 200)));
  };
  const json parsed = json::parse(line, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("listening") || !parsed["listening"].is_array())
    return bad();
  for (const json& listener : parsed["listening"]) {
    if (!listener.is_object() || listener.value("transport", json()) != "tcp" ||
        listener.value("protocol", json()) != "http") {
      continue;
    }
    const json port = listener.value("port", json());
    if (port.is_number_unsigned() && port > 0 && port <= 65535) return port.get<uint16_t>();
  }
  return bad();
}

Result<ServerMetrics> parse_metrics(const std::string& text) {
  const json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return fail(EPROTO, "the server's metrics file is not JSON");
  std::optional<Error> error;
  ServerMetrics metrics;
  Members members(parsed, error);
  members.number("requests", metrics.requests);
  members.number("errors", metrics.errors);
  members.number("connections", metrics.connections);
  if (!error && (!parsed.contains("drivers") || !parsed["drivers"].is_array())) {
    error = Error{EPROTO, "the server's metrics lack the list drivers"};
  }
  if (!error) {
    for (const json& driver : parsed["drivers"])
      metrics.drivers.push_back(driver_of(driver, error));
  }
  if (error) return fail(error->code, error->text);
  return metrics;
}

}  // namespace gatio::harness
