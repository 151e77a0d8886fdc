#include "harness/simulation/replay_line.hpp"

#include <cerrno>
#include <string_view>

#include "harness/simulation/cases.hpp"
#include "harness/simulation/whole_number.hpp"

namespace gatio::harness {
namespace {

constexpr std::string_view kVersion = "v1";
constexpr size_t kMostChoices = 10'000'000;

// Takes what stands in front of the next `separator`, or all.
std::string_view take(std::string_view& text, char separator) {
  size_t at = text.find(separator);
  std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

bool read_choices(std::string_view text, std::vector<uint32_t>& choices) {
  while (!text.empty()) {
    std::string_view item = take(text, '.');
    size_t times = 1;
    if (size_t at = item.find('x'); at != std::string_view::npos) {
      if (!read_whole_number(item.substr(at + 1), times)) return false;
      item = item.substr(0, at);
    }
    uint32_t value = 0;
    if (!read_whole_number(item, value) || times > kMostChoices - choices.size()) return false;
    choices.insert(choices.end(), times, value);
  }
  return true;
}

std::string print_choices(const std::vector<uint32_t>& choices) {
  std::string text;
  for (size_t i = 0; i < choices.size();) {
    size_t end = i;
    while (end < choices.size() && choices[end] == choices[i]) ++end;
    text += (i == 0 ? "" : ".") + std::to_string(choices[i]);
    if (end - i > 1) text += "x" + std::to_string(end - i);
    i = end;
  }
  return text;
}

}  // namespace

std::string print(const ReplayLine& line) {
  std::string text = std::string(kVersion) + ":" + line.revision + ":" + line.case_name + ":" +
                     (line.preempt ? "preempt" : "turns") + ":";
  return text + (line.seed ? "seed=" + std::to_string(*line.seed)
                           : "choices=" + print_choices(line.choices));
}

Result<ReplayLine> parse_replay_line(const std::string& text) {
  std::string_view rest = text;
  ReplayLine line;
  if (std::string_view version = take(rest, ':'); version != kVersion) {
    return fail(EINVAL, "a replay line begins with '" + std::string(kVersion) + ":', not with '" +
                            std::string(version.substr(0, 20)) +
                            "': was it printed by another version?");
  }
  line.revision = take(rest, ':');
  line.case_name = take(rest, ':');
  if (find_case(line.case_name) == nullptr)
    return fail(EINVAL, "replay line: there is no case '" + line.case_name + "'");
  std::string_view preempt = take(rest, ':');
  if (preempt != "preempt" && preempt != "turns")
    return fail(EINVAL,
                "replay line: '" + std::string(preempt) + "' is neither 'preempt' nor 'turns'");
  line.preempt = preempt == "preempt";
  bool has_value = rest.find('=') != std::string_view::npos;
  std::string_view name = take(rest, '=');
  uint64_t seed = 0;
  if (name == "seed" && read_whole_number(rest, seed)) {
    line.seed = seed;
  } else if (name != "choices" || !has_value || !read_choices(rest, line.choices)) {
    return fail(EINVAL, "replay line: it ends with 'seed=N' or 'choices=N.N.N', not with '" +
                            std::string(name) + "=" + std::string(rest.substr(0, 20)) + "'");
  }
  return line;
}

}  // namespace gatio::harness
