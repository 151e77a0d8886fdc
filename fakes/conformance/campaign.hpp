// A campaign of conformance: random programs on the real kernel, each record checked against a
// model, lies planted in some of them, and a disagreement made small. Owned by main or a test; its
// one thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "fakes/conformance/checker.hpp"
#include "fakes/conformance/statistics.hpp"

namespace gatio::fakes::conformance {

struct CampaignOptions {
  uint64_t seconds = 60;
  uint64_t programs = ~uint64_t{0};  // at most
  uint64_t seed = 1;
  unsigned most_runs = 400;  // of the model for one program
  unsigned most_runs_in_doubt = 20'000;
  unsigned most_runs_for_lies = 60;
  unsigned shrink_budget = 400;     // programs that are tried to make a disagreement smaller
  unsigned most_disagreements = 1;  // after which it ends
};

class Campaign {
 public:
  Campaign(MakeHost model, const CampaignOptions& options);

  // The exit code: 0, 1 for a disagreement or a lie that was believed, 4 without io_uring. What
  // there is to say goes to `say`, a line or more at a time.
  int run(const std::function<void(const std::string&)>& say);
  // One program by its seed, step by step on both kernels.
  int show(uint64_t seed, const std::function<void(const std::string&)>& say);

 private:
  enum class Outcome : uint8_t { allowed, unsettled, disagreement, no_ring };
  // How often a lie was told, and believed; and rejected because no run that the checker would try
  // explains it, and not because it had tried as many as it may.
  struct Told {
    uint64_t told = 0;
    uint64_t believed = 0;
    uint64_t whole = 0;
  };

  Outcome judge(const Program& program, Verdict& verdict);
  // Whether it does so in each of several runs, the later ones with more patience and a longer
  // search. `times` at most.
  bool disagrees(const Program& program, Verdict& verdict, size_t times);
  void tell_lie(uint64_t seed, const Program& program, const Record& record);
  // Empty when it is not there any more.
  std::string report(uint64_t seed, const Program& program);
  [[nodiscard]] std::string summary(uint64_t elapsed_ns) const;

  CampaignOptions options_;
  Checker checker_;
  Checker deep_checker_;
  Checker lie_checker_;
  LinuxHost quick_;
  Statistics statistics_;
  uint64_t runs_ = 0;
  uint64_t unsettled_ = 0;
  std::map<std::string, Told> lies_;
  std::string believed_;
  int error_ = 0;
};

}  // namespace gatio::fakes::conformance
