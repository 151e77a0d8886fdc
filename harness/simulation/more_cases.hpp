// The cases of `gatio explore` that have files of their own; see cases.hpp.
#pragma once

#include "harness/simulation/cases.hpp"

namespace gatio::harness {

CaseResult run_drain(fakes::Choices& choices, const CaseOptions& options);   // drain_case.cpp
CaseResult run_echo(fakes::Choices& choices, const CaseOptions& options);    // echo_cases.cpp
CaseResult run_faults(fakes::Choices& choices, const CaseOptions& options);  // echo_cases.cpp
CaseResult run_broken(fakes::Choices& choices, const CaseOptions& options);  // broken_case.cpp
CaseResult run_poll(fakes::Choices& choices, const CaseOptions& options);    // poll_case.cpp

}  // namespace gatio::harness
