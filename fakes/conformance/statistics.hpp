// What a set of runs has seen: how often each operation ended in which way, and how often each rule
// of a ring could be observed. Whatever stays at zero was not tested. Owned by whoever counts; one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "fakes/conformance/program.hpp"
#include "fakes/conformance/record.hpp"

namespace gatio::fakes::conformance {

// Every rule that a program can show.
std::span<const char* const> all_rules();

class Statistics {
 public:
  void count(const Program& program, const Record& record);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] uint64_t programs() const { return programs_; }
  [[nodiscard]] uint64_t completions() const { return completions_; }
  [[nodiscard]] const std::map<std::string, uint64_t>& rules() const { return rules_; }

 private:
  void count_batch(const Step& step, const Observation& observation);
  void count_completion(const Request& request, const Seen& seen, Moment moment);

  uint64_t programs_ = 0;
  uint64_t steps_ = 0;
  uint64_t completions_ = 0;
  std::map<std::string, std::map<std::string, uint64_t>> results_;
  std::map<std::string, uint64_t> rules_;
};

// Of one CQE, without numbers that vary: "ok", "0", "-ECANCELED", "ok|MORE".
std::string result_class(const Seen& seen);

}  // namespace gatio::fakes::conformance
