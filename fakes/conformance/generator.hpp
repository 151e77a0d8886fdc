// Makes operation programs from a seed: any operation with arguments that are mostly valid, in
// batches, with what peers do in between. A pure function; any thread.
#pragma once

#include <cstdint>

#include "fakes/conformance/program.hpp"

namespace gatio::fakes::conformance {

Program generate(uint64_t seed);

}  // namespace gatio::fakes::conformance
