// What the main() of every scenario server does around its serve(Runtime&, arguments), which
// registers handlers and listeners: so the same serve() also runs where somebody else makes the
// runtime. Called once, on the main thread.
#pragma once

#include <functional>
#include <gatio.hpp>
#include <string>
#include <vector>

#include "scenarios/servers/common/command_line.hpp"

namespace scenarios {

using Serve = std::function<gatio::Result<void>(gatio::Runtime&, const Arguments&)>;

// Takes the command line of command_line.hpp; `known` are the server's own arguments. Prints one
// JSON line that says on which ports it listens, serves until SIGINT or SIGTERM, drains, writes the
// metrics. Returns the exit code: 0, 1 when the drain was cut off, 2 bad usage, 4 the environment
// lacks something.
int server_main(int argc, char** argv, const std::vector<std::string>& known, const Serve& serve);

}  // namespace scenarios
