#include "scenarios/servers/common/server.hpp"

#include <stdio.h>

namespace scenarios {

using gatio::Result;

namespace {

int complain(const char* program, const std::string& text, int code) {
  fprintf(stderr, "%s: %s\n", program, text.c_str());
  return code;
}

int complain(const char* program, const gatio::Error& error) {
  return complain(program, error.message(), gatio::exit_code(error));
}

}  // namespace

int server_main(int argc, char** argv, const std::vector<std::string>& known, const Serve& serve) {
  Result<CommandLine> line = parse_command_line({argv + 1, argv + argc}, known);
  if (!line) return complain(argv[0], line.error());
  gatio::LinuxKernel kernel;
  gatio::Environment environment = gatio::inspect(kernel);
  if (environment.fatal()) return complain(argv[0], environment.fatal_text(), 4);
  gatio::Runtime runtime(kernel, line->options);
  if (Result<void> ready = serve(runtime, line->arguments); !ready)
    return complain(argv[0], ready.error());
  runtime.on_serving(&gatio::print_listening);
  if (Result<void> ran = runtime.run(); !ran) return complain(argv[0], ran.error());
  if (line->metrics_file.empty()) return runtime.lifecycle().cut_off() ? 1 : 0;
  Result<void> written = gatio::write_metrics(runtime.metrics(), line->metrics_file);
  if (!written) return complain(argv[0], written.error());
  return runtime.lifecycle().cut_off() ? 1 : 0;
}

}  // namespace scenarios
