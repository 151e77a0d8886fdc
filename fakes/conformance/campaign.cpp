#include "fakes/conformance/campaign.hpp"

#include <cstring>
#include <iterator>

#include "fakes/conformance/generator.hpp"
#include "fakes/conformance/lies.hpp"
#include "fakes/conformance/runner.hpp"
#include "fakes/conformance/shrink.hpp"

namespace gatio::fakes::conformance {
namespace {

// How long nothing must have come until a step counts as settled. A machine that is busy elsewhere
// may need longer than the first: then the run is repeated with the others. What the kernel's rules
// decide is the same each time, so a false fake disagrees with all of them; what a late thread or a
// late packet decides is not, and does not stand five times in a row with ever more time to settle.
constexpr uint64_t kQuickNs = 60'000;
constexpr uint64_t kCarefulNs[] = {2'000'000, 2'000'000, 10'000'000, 10'000'000, 30'000'000};
constexpr size_t kTimesToShrink = 2;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kLieOneIn = 3;

std::string key_of(const Lie& lie) {
  return std::string(lie.rule) + " " + lie.text;
}

}  // namespace

Campaign::Campaign(MakeHost model, const CampaignOptions& options)
    : options_(options),
      checker_(model, options.most_runs),
      deep_checker_(model, options.most_runs_in_doubt),
      lie_checker_(std::move(model), options.most_runs_for_lies),
      quick_(kQuickNs) {}

int Campaign::run(const std::function<void(const std::string&)>& say) {
  uint64_t start = quick_.kernel().now_ns();
  unsigned disagreements = 0;
  uint64_t seed = options_.seed;
  for (; quick_.kernel().now_ns() - start < options_.seconds * kNsPerSecond &&
         seed - options_.seed < options_.programs;
       ++seed) {
    Program program = generate(seed);
    Verdict verdict;
    Outcome outcome = judge(program, verdict);
    if (outcome == Outcome::no_ring) {
      say("conformance: skipped, no ring of the real kernel: " + std::string(strerror(-error_)) +
          "; io_uring may be disabled (sysctl kernel.io_uring_disabled, or a container's "
          "filter)\n");
      return 4;
    }
    unsettled_ += outcome == Outcome::unsettled ? 1 : 0;
    if (outcome != Outcome::disagreement) continue;
    std::string text = report(seed, program);
    if (text.empty()) ++unsettled_;
    if (text.empty()) continue;
    say(text);
    if (++disagreements >= options_.most_disagreements) break;
  }
  say(summary(quick_.kernel().now_ns() - start));
  if (!believed_.empty()) say(believed_);
  return disagreements > 0 || !believed_.empty() ? 1 : 0;
}

Campaign::Outcome Campaign::judge(const Program& program, Verdict& verdict) {
  Record record;
  error_ = run_program(quick_, program, record);
  if (error_ < 0) return Outcome::no_ring;
  statistics_.count(program, record);
  verdict = checker_.check(program, record);
  runs_ += verdict.runs;
  if (verdict.allowed) {
    if (statistics_.programs() % kLieOneIn == 0) tell_lie(statistics_.programs(), program, record);
    return Outcome::allowed;
  }
  return disagrees(program, verdict, std::size(kCarefulNs)) ? Outcome::disagreement
                                                            : Outcome::unsettled;
}

bool Campaign::disagrees(const Program& program, Verdict& verdict, size_t times) {
  for (size_t i = 0; i < times; ++i) {
    LinuxHost careful(kCarefulNs[i]);
    Record record;
    if (run_program(careful, program, record) < 0) return false;
    const Checker& checker = i == 0 ? checker_ : deep_checker_;
    verdict = checker.check(program, record);
    if (verdict.allowed) return false;
  }
  return true;
}

// The one that fits and was told least, so that the rare ones are told too.
void Campaign::tell_lie(uint64_t seed, const Program& program, const Record& record) {
  const Lie* rarest = nullptr;
  Record changed;
  for (const Lie& lie : all_lies()) {
    if (rarest != nullptr && lies_[key_of(lie)].told >= lies_[key_of(*rarest)].told) continue;
    Prng prng(seed);
    Record attempt = record;
    if (!plant(lie, program, attempt, prng)) continue;
    rarest = &lie;
    changed = std::move(attempt);
  }
  if (rarest == nullptr) return;
  Told& count = lies_[key_of(*rarest)];
  ++count.told;
  Verdict verdict = lie_checker_.check(program, changed);
  if (verdict.whole) ++count.whole;
  if (!verdict.allowed) return;
  ++count.believed;
  believed_ = "a lie was believed: " + key_of(*rarest) + "\n" + to_text(program);
  for (size_t step = 0; step < record.size(); ++step) {
    if (record[step] == changed[step]) continue;
    believed_ += "step " + std::to_string(step) + "\n  real: " + to_text(record[step]) +
                 "\n  lie:  " + to_text(changed[step]) + "\n";
  }
}

std::string Campaign::report(uint64_t seed, const Program& program) {
  Verdict verdict;
  Program smaller = shrink(
      program,
      [&](const Program& candidate) {
        Verdict ignored;
        return disagrees(candidate, ignored, kTimesToShrink);
      },
      options_.shrink_budget);
  if (!disagrees(smaller, verdict, std::size(kCarefulNs))) {
    // Luck has played a part in making it smaller.
    smaller = program;
    if (!disagrees(program, verdict, std::size(kCarefulNs))) return {};
  }
  return "disagreement, seed " + std::to_string(seed) + "\n" + to_text(smaller) + to_text(verdict);
}

int Campaign::show(uint64_t seed, const std::function<void(const std::string&)>& say) {
  Program program = generate(seed);
  Record record;
  LinuxHost careful(kCarefulNs[0]);
  error_ = run_program(careful, program, record);
  if (error_ < 0) return 4;
  say(to_text(program));
  for (size_t i = 0; i < record.size(); ++i) {
    say("real " + std::to_string(i) + ": " + to_text(record[i]) + "\n");
  }
  Verdict verdict = checker_.check(program, record);
  say(to_text(verdict));
  return verdict.allowed ? 0 : 1;
}

std::string Campaign::summary(uint64_t elapsed_ns) const {
  std::string text = statistics_.text();
  uint64_t rate = statistics_.programs() * kNsPerSecond / (elapsed_ns + 1);
  text += "  " + std::to_string(rate) + " programs/s, " + std::to_string(runs_) +
          " runs of the fake, " + std::to_string(unsettled_) + " not settled at first\n";
  for (const Lie& lie : all_lies()) {
    auto found = lies_.find(key_of(lie));
    Told count = found == lies_.end() ? Told{} : found->second;
    text += "  lie " + key_of(lie) + ": told " + std::to_string(count.told) + ", believed " +
            std::to_string(count.believed) + ", rejected after a whole search " +
            std::to_string(count.whole) + "\n";
  }
  return text;
}

}  // namespace gatio::fakes::conformance
