// What a set of runs has seen: how often each operation ended in which way, and how often each rule
// of a ring could be observed. Whatever stays at zero was not tested. Owned by whoever counts; one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
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
  // How far a run has come.
  struct Progress {
    const Program& program;
    std::map<uint32_t, const Request*> by_id;
    std::set<uint32_t> ended;  // requests whose last CQE was seen
    std::set<int> closed;      // objects

    [[nodiscard]] bool is(int object, ObjectKind kind) const;
    // Whether something waits at the object.
    [[nodiscard]] bool in_flight(int object) const;
    // Whether the request is a timer that has not ended as far as was seen.
    [[nodiscard]] bool runs(uint32_t timer) const;
  };

  void count_batch(const Step& step, const Observation& observation);
  void count_completion(const Request& request, const Seen& seen, Moment moment,
                        const Progress& progress);
  void count_receive(const Request& request, const Seen& seen, const Progress& progress);
  void close(int object, Progress& progress);

  uint64_t programs_ = 0;
  uint64_t steps_ = 0;
  uint64_t completions_ = 0;
  std::map<std::string, std::map<std::string, uint64_t>> results_;
  std::map<std::string, uint64_t> rules_;
};

// Of one CQE, without numbers that vary: "ok", "0", "-ECANCELED", "ok|MORE".
std::string result_class(const Seen& seen);

}  // namespace gatio::fakes::conformance
