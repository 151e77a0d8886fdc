// What every scenario server has in common: its command line, its first line on stdout, its
// metrics. A server is `serve(Runtime&, args)`, which registers handlers and listeners, and a main
// of five lines, so that the same serve() also runs where somebody else makes the runtime.
#pragma once

#include <cstdint>
#include <functional>
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

using Serve = std::function<gatio::Result<void>(gatio::Runtime&, const Arguments&)>;

// SERVER [--port N] [--mix M] [--cpus LIST] [--topology T] [--placement P] [--spin-us N] [--without
// LIST]
// [--metrics FILE] [--NAME VALUE]...
// `known` are the server's own arguments; any other is bad usage. Prints one JSON line that says on
// which ports it listens, serves until SIGINT or SIGTERM, drains, writes the metrics. Returns the
// exit code: 0, 1 when the drain was cut off, 2 bad usage, 4 the environment lacks something.
int server_main(int argc, char** argv, const std::vector<std::string>& known, const Serve& serve);

}  // namespace scenarios
