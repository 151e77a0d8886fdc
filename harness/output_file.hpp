// Whether a file that a user named can be written, asked before what it is for has taken minutes.
// Any thread.
#pragma once

#include <string>

namespace gatio::harness {

// What is wrong with the path, to stand behind it in a sentence; empty: nothing, or no path is
// given. `example` is a name that a file in a folder could have.
std::string problem_of_output(const std::string& path, const std::string& example);

}  // namespace gatio::harness
