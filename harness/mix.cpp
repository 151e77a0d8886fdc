#include "harness/mix.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace gatio::harness {
namespace {

constexpr unsigned kMostDrivers = 1024;

struct Part {
  unsigned cpus = 0;
  bool star = false;
};

std::optional<Part> parse_part(std::string_view text) {
  Part part;
  unsigned count = 1;
  if (text.starts_with('*')) {
    part.star = true;
    text.remove_prefix(1);
  } else {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count == 0 || count > kMostDrivers) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  if (text != "io" && text != "exec" && text != "both" && text != "pair") return std::nullopt;
  part.cpus = count * (text == "pair" ? 2 : 1);
  return part;
}

}  // namespace

Result<unsigned> mix_cores(const std::string& mix, unsigned available) {
  const auto bad = [&] {
    return fail(
        EINVAL,
        fmt::format("'{}' is not a mix; mixes look like 1both, 1io+1exec, 1io+*exec, 2pair or "
                    "0:1io+3exec,1:4both",
                    mix));
  };
  unsigned cpus = 0;
  bool star = false;
  std::string_view rest = mix;
  for (bool first_of_node = true;;) {
    if (first_of_node) {
      const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
      if (digits > 0 && digits < rest.size() && rest[digits] == ':') rest.remove_prefix(digits + 1);
    }
    const size_t end = std::min(rest.find_first_of("+,"), rest.size());
    const auto part = parse_part(rest.substr(0, end));
    if (!part) return bad();
    cpus += part->cpus;
    star = star || part->star;
    if (end == rest.size()) break;
    first_of_node = rest[end] == ',';
    rest.remove_prefix(end + 1);
  }
  return star ? std::max(cpus, available) : cpus;
}

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::string cpu_list(const std::vector<unsigned>& cpus) {
  return fmt::format("{}", fmt::join(cpus, ","));
}

}  // namespace gatio::harness
