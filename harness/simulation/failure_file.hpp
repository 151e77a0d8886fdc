// A failure as a file for people: what was falsified, the line that replays it, and each choice of
// the run that was not the tamest, by kind and place. Pure functions of their arguments; any
// thread.
#pragma once

#include <string>

#include "harness/simulation/cases.hpp"
#include "harness/simulation/isolated.hpp"

namespace gatio::harness {

// How many choices of a kind were not 0.
[[nodiscard]] size_t count_chosen(const IsolatedResult& result, fakes::ChoiceKind kind);
// "3 program, 1 preempt, 1 fault": the kinds of which there are some.
[[nodiscard]] std::string print_chosen(const IsolatedResult& result);
[[nodiscard]] std::string failure_text(const Case& which, const IsolatedResult& failure,
                                       const std::string& replay_line);

}  // namespace gatio::harness
