#include <utility>

#include "runtime/config/fields.hpp"
#include "runtime/config/runtime_config.hpp"

namespace gatio::config {
namespace {

std::string value_text(bool value) {
  return value ? "true" : "false";
}
std::string value_text(unsigned value) {
  return std::to_string(value);
}
std::string value_text(const std::string& value) {
  return quoted(value);
}
std::string value_text(const DriverName& value) {
  return quoted(value.text());
}

template <typename T>
std::string value_text(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + value_text(value);
  return "[" + text + "]";
}

template <typename T>
void line(std::string& out, const char* key, const T& value) {
  out += std::string(key) + " = " + value_text(value) + "\n";
}

void print_tpc(std::string& out, const TpcConfig& tpc) {
  out += "\n[[tpc]]\n";
  if (!tpc.nodes.empty())
    line(out, "nodes", tpc.nodes);  // TOML has no word for "every node" but leaving it out
  line(out, "drivers", print(tpc.drivers));
}

void print_listener(std::string& out, const ListenerConfig& listener) {
  out += "\n[[listener]]\n";
  line(out, "name", listener.name);
  line(out, "address", listener.address);
  line(out, "port", unsigned{listener.port});
  line(out, "transport", std::string(name(listener.transport)));
  line(out, "protocol", listener.protocol);
  line(out, "handler", listener.handler);
  if (listener.drivers.all_io) {
    line(out, "drivers", std::string("io"));
  } else {
    line(out, "drivers", listener.drivers.names);
  }
  each_flag(listener, [&](const char* key, bool value) { line(out, key, value); });
  each_number(listener, [&](const char* key, unsigned value, Range) { line(out, key, value); });
}

}  // namespace

std::string print(const RuntimeConfig& config) {
  std::string out = "[runtime]\n";
  line(out, "topology", config.topology);
  line(out, "placement", config.placement);
  each_number(config, [&](const char* key, unsigned value, Range) { line(out, key, value); });
  line(out, "without", config.without);
  for (const TpcConfig& tpc : config.tpcs) print_tpc(out, tpc);
  for (const ListenerConfig& listener : config.listeners) print_listener(out, listener);
  return out;
}

}  // namespace gatio::config
