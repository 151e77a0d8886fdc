// Lies for the checker to find: each changes one thing in a real record that a rule fixes. A
// checker that believes one of them would also believe a fake that breaks that rule. Pure
// functions; any thread.
#pragma once

#include <span>

#include "fakes/conformance/program.hpp"
#include "fakes/conformance/record.hpp"
#include "runtime/base/prng.hpp"

namespace gatio::fakes::conformance {

struct Lie {
  const char* rule;
  const char* text;
  // Changes one CQE, if it is one that the lie is about.
  bool (*about_cqe)(Seen& seen, const Request& request);
  // Or changes something else of a step's observation.
  bool (*about_step)(Observation& observation, const Step& step);
};

std::span<const Lie> all_lies();

// Plants the lie at one place of those where it is possible; false where there is none.
bool plant(const Lie& lie, const Program& program, Record& record, Prng& prng);

}  // namespace gatio::fakes::conformance
