// Decides whether the fake kernel allows what a real one did: searches the fake's choices for a run
// of the same program in which the same was seen. Runs are repeated from the beginning with the
// choices so far and one more turned, the most promising first. Owned by its caller; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fakes/choices.hpp"
#include "fakes/conformance/host.hpp"
#include "fakes/conformance/program.hpp"
#include "fakes/conformance/record.hpp"

namespace gatio::fakes::conformance {

// A fresh kernel whose open ends are decided by the choices.
using MakeHost = std::function<std::unique_ptr<Host>(Choices&)>;

struct Verdict {
  bool allowed = false;
  // All runs that the checker would try were tried: a larger budget would change nothing.
  bool whole = false;
  unsigned runs = 0;
  int set_up = 0;                         // -errno when the model could not be set up
  size_t step = 0;                        // the furthest that no run explains
  std::string real;                       // what was seen there
  std::vector<std::string> alternatives;  // what the model's runs saw there
};

class Checker {
 public:
  Checker(MakeHost make, unsigned most_runs) : make_(std::move(make)), most_runs_(most_runs) {}

  [[nodiscard]] Verdict check(const Program& program, const Record& record) const;

 private:
  MakeHost make_;
  unsigned most_runs_;
};

// "no run explains step k: real X, the fake's alternatives Y".
std::string to_text(const Verdict& verdict);

}  // namespace gatio::fakes::conformance
