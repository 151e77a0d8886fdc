// The command line that every scenario server takes, as values. Read once, before the runtime is
// made; plain values.
#pragma once

#include <cstdint>
#include <gatio.hpp>
#include <map>
#include <string>
#include <vector>

namespace scenarios {

// The server's own arguments, from `--NAME VALUE`.
class Arguments {
 public:
  std::map<std::string, std::string> values;
  uint16_t port = 0;  // the listener's; 0: the kernel chooses

  // The number given for `name`, or `otherwise`. An error names the argument.
  [[nodiscard]] gatio::Result<uint64_t> number(const std::string& name, uint64_t otherwise) const;
  // The listener that every server opens: HTTP on 127.0.0.1, served by all drivers that do I/O.
  [[nodiscard]] gatio::config::ListenerConfig http_listener(const std::string& handler) const;
};

struct CommandLine {
  gatio::RuntimeOptions options;
  Arguments arguments;
  std::string metrics_file;  // empty: none
};

// [--port N] [--mix M] [--cpus LIST] [--topology T] [--placement P] [--spin-us N]
// [--without FEATURE]... [--metrics FILE] [--NAME VALUE]...
// `known` are the server's own names; any other is an error, which names it.
gatio::Result<CommandLine> parse_command_line(const std::vector<std::string>& words,
                                              const std::vector<std::string>& known);

}  // namespace scenarios
