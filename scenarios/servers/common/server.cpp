#include "scenarios/servers/common/server.hpp"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace scenarios {

using gatio::Error;
using gatio::fail;
using gatio::Result;

namespace {

struct CommandLine {
  gatio::RuntimeOptions options;
  Arguments arguments;
  std::string metrics_file;
};

Result<uint64_t> parse_number(const std::string& name, const std::string& text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(EINVAL, "--" + name + ": '" + text + "' is no whole number");
  }
  return value;
}

Result<std::vector<unsigned>> parse_cpus(const std::string& text) {
  std::vector<unsigned> cpus;
  for (size_t start = 0; start <= text.size();) {
    size_t comma = std::min(text.find(',', start), text.size());
    Result<uint64_t> cpu = parse_number("cpus", text.substr(start, comma - start));
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
    config.without = {value};
  } else if (name == "metrics") {
    line.metrics_file = value;
  } else if (name == "port" || name == "spin-us") {
    Result<uint64_t> number = parse_number(name, value);
    if (!number) return Error(number.error());
    if (name == "port") {
      if (*number > 65535) return fail(EINVAL, "--port: " + value + " is above 65535");
      line.arguments.port = static_cast<uint16_t>(*number);
    } else {
      config.spin_us = static_cast<unsigned>(*number);
    }
  } else if (std::find(known.begin(), known.end(), name) != known.end()) {
    line.arguments.values[name] = value;
  } else {
    return fail(EINVAL, "there is no option --" + name);
  }
  return {};
}

Result<CommandLine> parse_command_line(int argc, char** argv,
                                       const std::vector<std::string>& known) {
  CommandLine line;
  line.options.stop_signals = {SIGINT, SIGTERM};
  for (int i = 1; i < argc; i += 2) {
    std::string name = argv[i];
    if (name.rfind("--", 0) != 0)
      return fail(EINVAL, "'" + name + "' is no option: they begin with --");
    if (i + 1 == argc) return fail(EINVAL, name + " needs a value");
    if (Result<void> set = set_option(line, known, name.substr(2), argv[i + 1]); !set)
      return Error(set.error());
  }
  return line;
}

void print_endpoints(const std::vector<gatio::Endpoint>& endpoints) {
  std::string text = "{\"listening\":[";
  for (const gatio::Endpoint& each : endpoints) {
    if (&each != &endpoints.front()) text += ",";
    text += "{\"address\":\"" + each.address + "\",\"port\":" + std::to_string(each.port) +
            ",\"transport\":\"" + std::string(gatio::config::name(each.transport)) +
            "\",\"protocol\":\"" + each.protocol + "\"}";
  }
  printf("%s]}\n", text.c_str());
  fflush(stdout);
}

bool write_metrics(const gatio::Runtime& runtime, const std::string& path) {
  if (path.empty()) return true;
  FILE* file = fopen(path.c_str(), "we");
  if (file == nullptr) return false;
  std::string text = gatio::to_json(runtime.metrics()) + "\n";
  bool written = fwrite(text.data(), 1, text.size(), file) == text.size();
  return fclose(file) == 0 && written;
}

int complain(const char* program, const std::string& text, int code) {
  fprintf(stderr, "%s: %s\n", program, text.c_str());
  return code;
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
  return listener;
}

int server_main(int argc, char** argv, const std::vector<std::string>& known, const Serve& serve) {
  Result<CommandLine> line = parse_command_line(argc, argv, known);
  if (!line) return complain(argv[0], line.error().message(), 2);
  gatio::LinuxKernel kernel;
  gatio::Environment environment = gatio::inspect(kernel);
  if (environment.fatal()) return complain(argv[0], environment.fatal_text(), 4);
  gatio::Runtime runtime(kernel, line->options);
  if (Result<void> ready = serve(runtime, line->arguments); !ready) {
    return complain(argv[0], ready.error().message(), 2);
  }
  runtime.on_serving(&print_endpoints);
  if (Result<void> built = runtime.build(); !built)
    return complain(argv[0], built.error().message(), 2);
  if (Result<void> ran = runtime.run(); !ran) return complain(argv[0], ran.error().message(), 4);
  if (!write_metrics(runtime, line->metrics_file)) {
    return complain(argv[0], "cannot write the metrics to " + line->metrics_file, 2);
  }
  return runtime.lifecycle().cut_off() ? 1 : 0;
}

}  // namespace scenarios
