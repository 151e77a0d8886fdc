#include "harness/wrk.hpp"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace gatio::harness {
namespace {

constexpr std::string_view kMark = "gatio-wrk ";

// The value of ` key=` on the line, or nothing.
bool read_field(std::string_view line, std::string_view key, uint64_t& out) {
  const std::string label = fmt::format(" {}=", key);
  const size_t at = line.find(label);
  if (at == std::string_view::npos) return false;
  const char* begin = line.data() + at + label.size();
  const char* end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(begin, end, out);
  return error == std::errc() && (stop == end || *stop == ' ');
}

}  // namespace

std::string LoadResult::broken() const {
  const uint64_t all = connect_errors + read_errors + write_errors + timeouts;
  if (all == 0) return "";
  return fmt::format("{} requests failed under load ({} connect, {} read, {} write, {} time-out)",
                     all, connect_errors, read_errors, write_errors, timeouts);
}

std::string wrk_script(unsigned pipeline) {
  std::string script;
  if (pipeline > 1) {
    // wrk formats the request once and, with no `request` function of ours, sends it without
    // entering Lua.
    script = fmt::format(
        "local format = wrk.format\n"
        "wrk.format = function(...) return string.rep(format(...), {}) end\n",
        pipeline);
  }
  return script +
         "done = function(summary, latency, requests)\n"
         "  local e = summary.errors\n"
         "  io.write(string.format(\"\\ngatio-wrk requests=%d duration_us=%d bytes=%.0f connect=%d "
         "read=%d "
         "write=%d status=%d timeout=%d\\n\",\n"
         "    summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, "
         "e.status, "
         "e.timeout))\n"
         "end\n";
}

std::vector<std::string> wrk_command(const Load& load, unsigned connections, unsigned seconds,
                                     uint16_t port, const std::string& script_path) {
  const unsigned threads =
      std::min(load.threads, connections);  // wrk refuses more threads than connections
  return {"wrk",
          "-t",
          std::to_string(threads),
          "-c",
          std::to_string(connections),
          "-d",
          fmt::format("{}s", seconds),
          "-s",
          script_path,
          fmt::format("http://127.0.0.1:{}{}", port, load.path)};
}

std::string wrk_version(const std::string& output) {
  const std::string_view first = std::string_view(output).substr(0, output.find('\n'));
  if (!first.starts_with("wrk ")) return "wrk";
  return std::string(first.substr(0, first.find(' ', 4)));
}

Result<LoadResult> parse_wrk(const std::string& output) {
  const size_t at = output.rfind(kMark);
  if (at == std::string::npos || (at > 0 && output[at - 1] != '\n')) {
    return fail(EPROTO, "wrk did not print its results, only: " + output.substr(0, 200));
  }
  // Only a whole line counts: wrk may have been cut off in the middle of it.
  const size_t end = output.find('\n', at);
  if (end == std::string::npos) return fail(EPROTO, "the line with wrk's results is cut off");
  const std::string_view line = std::string_view(output).substr(at, end - at);
  LoadResult result;
  uint64_t duration_us = 0;
  const bool whole = read_field(line, "requests", result.requests) &&
                     read_field(line, "duration_us", duration_us) &&
                     read_field(line, "bytes", result.bytes) &&
                     read_field(line, "connect", result.connect_errors) &&
                     read_field(line, "read", result.read_errors) &&
                     read_field(line, "write", result.write_errors) &&
                     read_field(line, "status", result.status_errors) &&
                     read_field(line, "timeout", result.timeouts);
  if (!whole) return fail(EPROTO, fmt::format("wrk's results lack a field: {}", line));
  if (result.requests == 0 || duration_us == 0) {
    return fail(
        EPROTO,
        fmt::format("wrk got no reply at all ({} connect, {} read, {} write errors, {} timeouts)",
                    result.connect_errors, result.read_errors, result.write_errors,
                    result.timeouts));
  }
  result.duration_ns = duration_us * 1000;
  return result;
}

}  // namespace gatio::harness
