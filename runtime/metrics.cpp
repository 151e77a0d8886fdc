#include "runtime/metrics.hpp"

#include <string_view>
#include <utility>

namespace gatio {

namespace {

using Field = std::pair<std::string_view, uint64_t>;

void append(std::string& text, std::initializer_list<Field> fields) {
  for (const auto& [name, value] : fields) {
    text += '"';
    text += name;
    text += "\":" + std::to_string(value) + ",";
  }
}

std::string driver_json(const DriverMetrics& driver) {
  std::string text = "{";
  append(text, {{"tpc", driver.tpc}, {"driver", driver.driver}});
  text += "\"role\":\"" + std::string(config::name(driver.role)) +
          "\",\"node\":" + std::to_string(driver.node) + ",";
  append(text, {{"cpu", driver.cpu}});
  for (const DriverCounter& counter : kDriverCounters)
    append(text, {{counter.name, driver.*counter.member}});
  text.back() = '}';
  return text;
}

}  // namespace

std::string to_json(const Metrics& metrics) {
  std::string text = "{";
  append(text, {{"requests", metrics.requests},
                {"answers", metrics.answers},
                {"errors", metrics.bad_requests + metrics.failed_handlers},
                {"bad_requests", metrics.bad_requests},
                {"failed_handlers", metrics.failed_handlers},
                {"uncaught", metrics.uncaught},
                {"connections", metrics.connections},
                {"refused", metrics.refused},
                {"accept_errors", metrics.accept_errors},
                {"resets", metrics.resets},
                {"timeouts", metrics.timeouts},
                {"cut_off", metrics.cut_off},
                {"cut_off_tasks", metrics.cut_off_tasks}});
  text += "\"drivers\":[";
  for (const DriverMetrics& driver : metrics.drivers) text += driver_json(driver) + ",";
  if (text.back() == ',') text.pop_back();
  return text + "]}";
}

}  // namespace gatio
