// Makes a program smaller as long as something stays true of it: fewer steps, fewer requests, fewer
// flags, smaller figures. A pure function of what it is given.
#pragma once

#include <functional>

#include "fakes/conformance/program.hpp"

namespace gatio::fakes::conformance {

// `holds` is true of `program`; so it is of the result. At most `budget` programs are tried.
Program shrink(Program program, const std::function<bool(const Program&)>& holds, unsigned budget);

}  // namespace gatio::fakes::conformance
