// The fake kernel as a host of operation programs: nothing fails by plan, and packets take no
// longer than a settled step waits. Owned by whoever runs programs; one thread.
#pragma once

#include "fakes/conformance/checker.hpp"

namespace gatio::fakes::conformance {

MakeHost make_fake_host();

}  // namespace gatio::fakes::conformance
