#include "harness/simulation/failure_file.hpp"

#include <algorithm>
#include <cstdio>

namespace gatio::harness {
namespace {

using fakes::Choice;
using fakes::ChoiceKind;

constexpr ChoiceKind kKinds[] = {ChoiceKind::program, ChoiceKind::thread, ChoiceKind::preempt,
                                 ChoiceKind::fault,   ChoiceKind::order,  ChoiceKind::delay,
                                 ChoiceKind::amount};

const char* name_of(ChoiceKind kind) {
  switch (kind) {
    case ChoiceKind::thread:
      return "thread";
    case ChoiceKind::preempt:
      return "preempt";
    case ChoiceKind::order:
      return "order";
    case ChoiceKind::delay:
      return "delay";
    case ChoiceKind::amount:
      return "amount";
    case ChoiceKind::fault:
      return "fault";
    case ChoiceKind::program:
      return "program";
  }
  return "?";
}

}  // namespace

size_t count_chosen(const IsolatedResult& result, ChoiceKind kind) {
  return static_cast<size_t>(std::ranges::count_if(result.made, [kind](const Choice& choice) {
    return choice.kind == kind && choice.value != 0;
  }));
}

std::string print_chosen(const IsolatedResult& result) {
  std::string text;
  for (ChoiceKind kind : kKinds) {
    size_t count = count_chosen(result, kind);
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + name_of(kind);
  }
  return text.empty() ? "none" : text;
}

std::string failure_text(const Case& which, const IsolatedResult& failure,
                         const std::string& replay_line) {
  std::string text = "FALSIFIED in the case '" + std::string(which.name) + "' (" + failure.kind +
                     ")\n" + failure.text + "\ngatio replay " + replay_line + "\n\nOf " +
                     std::to_string(failure.made.size()) +
                     " choices these were not 0, the tamest: " + print_chosen(failure) +
                     "\n place  kind     value of\n";
  for (size_t place = 0; place < failure.made.size(); ++place) {
    const Choice& choice = failure.made[place];
    if (choice.value == 0) continue;
    char line[64];
    std::snprintf(line, sizeof line, "%6zu  %-8s %5u of %u\n", place, name_of(choice.kind),
                  choice.value, choice.bound);
    text += line;
  }
  return text;
}

}  // namespace gatio::harness
