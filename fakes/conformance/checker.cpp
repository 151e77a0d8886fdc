#include "fakes/conformance/checker.hpp"

#include <algorithm>
#include <queue>

#include "fakes/conformance/order.hpp"
#include "fakes/conformance/runner.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr size_t kMostAlternatives = 6;  // that are kept for the report
constexpr uint32_t kMostDelays = 4;      // from here on only a few of them are tried
constexpr uint32_t kMostOrders = 80;     // that are tried where one of many comes first

// A run to be tried: these choices first, then the tamest.
struct Branch {
  std::vector<uint32_t> choices;
  size_t reached = 0;     // the step that the run it comes from did not explain
  size_t deviations = 0;  // choices that are not the tamest
};

// The least promising is the smallest.
struct LessPromising {
  bool operator()(const Branch& a, const Branch& b) const {
    if (a.reached != b.reached) return a.reached < b.reached;
    if (a.deviations != b.deviations) return a.deviations > b.deviations;
    return a.choices.size() < b.choices.size();
  }
};
using Branches = std::priority_queue<Branch, std::vector<Branch>, LessPromising>;

std::vector<uint32_t> values_to_try(const Choice& choice) {
  if (choice.kind == ChoiceKind::fault) return {};  // no rule speaks of these
  if (choice.last_or_none) return {choice.bound - 1};
  bool all_count = choice.kind == ChoiceKind::order || choice.bound <= kMostDelays;
  if (all_count && choice.bound <= kMostOrders) {
    std::vector<uint32_t> all;
    for (uint32_t value = 1; value < choice.bound; ++value) all.push_back(value);
    return all;
  }
  return {1, choice.bound / 2, choice.bound - 1};
}

struct Attempt {
  int set_up = 0;
  size_t step = 0;          // the first that was not as in the record
  std::string seen;         // there
  size_t first_choice = 0;  // of the first step
};

Attempt attempt(const MakeHost& make, const Program& program, const Record& record,
                const Order& order, Choices& choices) {
  Attempt result;
  std::unique_ptr<Host> host = make(choices);
  Runner runner(*host, program);
  result.set_up = runner.set_up();
  if (result.set_up < 0) return result;
  result.first_choice = choices.made().size();
  for (; result.step < record.size(); ++result.step) {
    Observation seen = runner.run(program.steps[result.step]);
    if (!order.same(program.steps[result.step], record[result.step], seen)) {
      result.seen = to_text(seen);
      break;
    }
  }
  choices.record(false);  // the end is not of interest
  return result;
}

void add_branches(Branches& branches, const Branch& from, const Attempt& attempt,
                  const std::vector<Choice>& made) {
  std::vector<uint32_t> values;
  for (const Choice& choice : made) values.push_back(choice.value);
  // What was turned before was turned for a reason: only later choices are turned here.
  size_t first = std::max(from.choices.size(), attempt.first_choice);
  for (size_t i = first; i < made.size(); ++i) {
    for (uint32_t value : values_to_try(made[i])) {
      Branch branch{.choices = {values.begin(), values.begin() + static_cast<long>(i)},
                    .reached = attempt.step,
                    .deviations = from.deviations + 1};
      branch.choices.push_back(value);
      branches.push(std::move(branch));
    }
  }
}

}  // namespace

Verdict Checker::check(const Program& program, const Record& record) const {
  Order order(program);
  Verdict verdict;
  if (record.size() != program.steps.size()) {
    verdict.real = std::to_string(record.size()) + " steps of another program";
    return verdict;
  }
  Branches branches;
  branches.push({});
  while (!branches.empty() && verdict.runs < most_runs_) {
    Branch branch = branches.top();
    branches.pop();
    Choices choices(branch.choices);
    Attempt tried = attempt(make_, program, record, order, choices);
    ++verdict.runs;
    verdict.set_up = tried.set_up;
    if (tried.set_up < 0) return verdict;
    verdict.allowed = tried.step == record.size();
    if (verdict.allowed) return verdict;
    if (tried.step > verdict.step) {
      verdict.step = tried.step;
      verdict.alternatives.clear();
    }
    verdict.real = to_text(record[verdict.step]);
    auto& alternatives = verdict.alternatives;
    if (tried.step == verdict.step && alternatives.size() < kMostAlternatives &&
        std::find(alternatives.begin(), alternatives.end(), tried.seen) == alternatives.end()) {
      alternatives.push_back(tried.seen);
    }
    add_branches(branches, branch, tried, choices.made());
  }
  verdict.whole = branches.empty();
  return verdict;
}

std::string to_text(const Verdict& verdict) {
  if (verdict.allowed) return "allowed after " + std::to_string(verdict.runs) + " runs\n";
  std::string text = "no run of the fake explains step " + std::to_string(verdict.step) +
                     " (tried " + std::to_string(verdict.runs) +
                     (verdict.whole ? ", which is all" : "") + ")\n  real: " + verdict.real + "\n";
  for (const std::string& seen : verdict.alternatives) text += "  fake: " + seen + "\n";
  return text;
}

}  // namespace gatio::fakes::conformance
