// Lies for the checker to find: each changes one thing in a real record that a rule fixes. A
// checker that believes one of them would also believe a fake that breaks that rule. Pure
// functions; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <span>

#include "fakes/conformance/program.hpp"
#include "fakes/conformance/record.hpp"
#include "runtime/base/prng.hpp"

namespace gatio::fakes::conformance {

// What a lie may know of the request that a CQE belongs to.
struct Subject {
  const Request* request = nullptr;
  const Request* before = nullptr;  // in its chain
  bool chained = false;             // one of several in a chain
  bool drained = false;             // stands behind a drain of its ring
  uint8_t ring = 0;
  size_t step = 0;  // that submits it
};

// Where a lie is to be planted: one step of a program and its record, and what was before it.
struct Scene {
  const Program& program;
  const Record& record;
  size_t at;  // the step's place
  const std::map<uint32_t, Subject>& subjects;

  [[nodiscard]] const Step& step() const { return program.steps[at]; }
  [[nodiscard]] const Subject* find(const Seen& seen) const;
  // Whether its last CQE has come before this step.
  [[nodiscard]] bool ended(const Subject& subject) const;
};

struct Lie {
  const char* rule;
  const char* text;
  // Changes one CQE, if it is one that the lie is about.
  bool (*about_cqe)(Seen& seen, const Subject& subject);
  // Or changes something else of a step's observation.
  bool (*about_step)(Observation& observation, const Scene& scene);
};

// One at least for each rule that a program can show.
std::span<const Lie> all_lies();
std::span<const Lie> lies_about_cqes();
std::span<const Lie> lies_about_steps();

// Plants the lie at one place of those where it is possible; false where there is none.
bool plant(const Lie& lie, const Program& program, Record& record, Prng& prng);

}  // namespace gatio::fakes::conformance
