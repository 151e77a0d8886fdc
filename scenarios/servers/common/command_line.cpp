#include "scenarios/servers/common/command_line.hpp"

#include <errno.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace scenarios {

using gatio::Error;
using gatio::fail;
using gatio::Result;

namespace {

constexpr uint64_t kMostUnsigned = std::numeric_limits<unsigned>::max();

Result<uint64_t> parse_number(const std::string& name, const std::string& text,
                              uint64_t most = std::numeric_limits<uint64_t>::max()) {
  uint64_t value = 0;
  const char* last = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), last, value);
  if (end == text.data() || end != last)
    return fail(EINVAL, "--" + name + ": '" + text + "' is no whole number");
  if (error != std::errc() || value > most)
    return fail(EINVAL, "--" + name + ": " + text + " is above " + std::to_string(most));
  return value;
}

Result<std::vector<unsigned>> parse_cpus(const std::string& text) {
  std::vector<unsigned> cpus;
  for (size_t start = 0; start <= text.size();) {
    size_t comma = std::min(text.find(',', start), text.size());
    Result<uint64_t> cpu = parse_number("cpus", text.substr(start, comma - start), kMostUnsigned);
    if (!cpu) return Error(cpu.error());
    cpus.push_back(static_cast<unsigned>(*cpu));
    start = comma + 1;
  }
  return cpus;
}

Result<void> set_option(CommandLine& line, const std::vector<std::string>& known,
                        const std::string& name, const std::string& value) {
  gatio::config::RuntimeConfig& config = line.options.config;
  if (name == "mix") {
    Result<gatio::config::Mix> mix = gatio::config::parse_mix(value);
    if (!mix) return Error{EINVAL, "--mix: " + mix.error().message()};
    config.tpcs = {gatio::config::TpcConfig{{}, std::move(*mix)}};
  } else if (name == "cpus") {
    Result<std::vector<unsigned>> cpus = parse_cpus(value);
    if (!cpus) return Error(cpus.error());
    line.options.cpus = std::move(*cpus);
  } else if (name == "topology") {
    config.topology = value;
  } else if (name == "placement") {
    config.placement = value;
  } else if (name == "without") {
    config.without.push_back(value);
  } else if (name == "metrics") {
    line.metrics_file = value;
  } else if (name == "port") {
    Result<uint64_t> port = parse_number(name, value, 65535);
    if (!port) return Error(port.error());
    line.arguments.port = static_cast<uint16_t>(*port);
  } else if (name == "spin-us") {
    Result<uint64_t> spin_us = parse_number(name, value, kMostUnsigned);
    if (!spin_us) return Error(spin_us.error());
    config.spin_us = static_cast<unsigned>(*spin_us);
  } else if (std::find(known.begin(), known.end(), name) != known.end()) {
    line.arguments.values[name] = value;
  } else {
    return fail(EINVAL, "there is no option --" + name);
  }
  return {};
}

}  // namespace

Result<uint64_t> Arguments::number(const std::string& name, uint64_t otherwise) const {
  auto found = values.find(name);
  return found == values.end() ? Result<uint64_t>(otherwise) : parse_number(name, found->second);
}

gatio::config::ListenerConfig Arguments::http_listener(const std::string& handler) const {
  gatio::config::ListenerConfig listener;
  listener.port = port;
  listener.handler = handler;
  // A scenario says how many connect. The limit is shared out evenly among the drivers, and the
  // kernel shares out connections unevenly, so it must be far above that.
  listener.limits.connections = 1'000'000;
  return listener;
}

Result<CommandLine> parse_command_line(const std::vector<std::string>& words,
                                       const std::vector<std::string>& known) {
  CommandLine line;
  line.options.stop_signals = {SIGINT, SIGTERM};
  for (size_t i = 0; i < words.size(); i += 2) {
    const std::string& name = words[i];
    if (name.rfind("--", 0) != 0)
      return fail(EINVAL, "'" + name + "' is no option: they begin with --");
    if (i + 1 == words.size()) return fail(EINVAL, name + " needs a value");
    if (Result<void> set = set_option(line, known, name.substr(2), words[i + 1]); !set)
      return Error(set.error());
  }
  // What a configuration file may not say, a command line may not say either.
  std::vector<gatio::config::Invalid> invalid = gatio::config::validate(line.options.config);
  if (!invalid.empty()) {
    std::string option = invalid.front().key;
    std::replace(option.begin(), option.end(), '_', '-');
    return fail(EINVAL, "--" + option + ": " + invalid.front().sentence);
  }
  return line;
}

}  // namespace scenarios
