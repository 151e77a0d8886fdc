#include "harness/explore_command.hpp"

#include <sched.h>

#include <cstdio>
#include <fstream>
#include <gatio_build.hpp>
#include <string_view>

#include "harness/campaign.hpp"
#include "harness/exit_code.hpp"
#include "harness/expected_events.hpp"
#include "harness/interrupt.hpp"
#include "harness/output_file.hpp"
#include "harness/simulation/chrome_trace.hpp"
#include "harness/simulation/failure_file.hpp"
#include "harness/simulation/isolated.hpp"
#include "harness/simulation/replay_line.hpp"
#include "harness/simulation/whole_number.hpp"

namespace gatio::harness {
namespace {

constexpr double kShrinkSeconds = 10;
// From so many runs of all cases on each event that is expected has happened.
constexpr uint64_t kEnoughRuns = 20'000;

int bad_input(const std::string& sentence) {
  fprintf(stderr, "gatio: %s\n", sentence.c_str());
  return kBadInput;
}

bool parse_seeds(std::string_view text, uint64_t& first, uint64_t& last) {
  size_t dots = text.find("..");
  std::string_view behind = dots == std::string_view::npos ? text : text.substr(dots + 2);
  return read_whole_number(text.substr(0, dots), first) && read_whole_number(behind, last) &&
         first >= 1 && first <= last;
}

unsigned allowed_cpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof cpus, &cpus);
  return static_cast<unsigned>(CPU_COUNT(&cpus));
}

void print_summary(const CampaignOptions& options, const CampaignResult& result) {
  double seconds = result.seconds > 0 ? result.seconds : 1e-9;
  printf(
      "%lu runs in %.2f s: %.0f a second, %.0f a second and core, %.0f choices a second and core, "
      "%.2f s of virtual time a second\n",
      result.runs, seconds, static_cast<double>(result.runs) / seconds,
      static_cast<double>(result.runs) / seconds / options.workers,
      static_cast<double>(result.choices) / seconds / options.workers,
      result.virtual_seconds / seconds);
  const CampaignResult::Medians& median = result.median;
  printf(
      "in a run (median): %lu choices, %lu switches, %lu CQEs, %lu preemptions, %lu faults\n"
      "in all: %lu choices, %lu switches, %lu CQEs, %lu preemptions, %lu faults, %lu events\n",
      median.choices, median.steps, median.cqes, median.preemptions, median.faults, result.choices,
      result.steps, result.cqes, result.preemptions, result.faults, result.events);
  printf("hash of all traces: %016lx\n", result.hash);
  for (const auto& [name, times] : result.sometimes) printf("  %10lu  %s\n", times, name.c_str());
}

// Asked before minutes of exploring are lost; 0, or an exit code.
int check_outputs(const std::string& trace, const std::string& failure) {
  if (std::string problem = problem_of_output(trace, "gatio-trace.json"); !problem.empty())
    return bad_input("--trace " + trace + ": " + problem);
  if (std::string problem = problem_of_output(failure, "gatio-failure.txt"); !problem.empty())
    return bad_input("--failure " + failure + ": " + problem);
  return kFine;
}

fakes::Choices choices_of(const ReplayLine& line) {
  return line.seed ? fakes::Choices(*line.seed) : fakes::Choices(line.choices);
}

void write_trace(const Case& which, const ReplayLine& line, const std::string& path) {
  if (path.empty()) return;
  if (write_trace_isolated(which, choices_of(line), {.preempt = line.preempt}, path)) {
    printf("trace: %s (opens in ui.perfetto.dev)\n", path.c_str());
  } else {
    fprintf(stderr, "gatio: the trace %s was not written\n", path.c_str());
  }
}

void write_failure(const Case& which, const IsolatedResult& failure, const ReplayLine& line,
                   const std::string& path) {
  if (path.empty()) return;
  if (std::ofstream(path) << failure_text(which, failure, print(line)) << std::flush) {
    printf("choices by kind: %s\n", path.c_str());
  } else {
    fprintf(stderr, "gatio: the choices by kind were not written to %s\n", path.c_str());
  }
}

// `line` is what was run: where the failure has left no choices, it alone can be run again.
int report(const Case& which, const IsolatedResult& failure, ReplayLine line,
           const std::string& trace, const std::string& file) {
  printf("FALSIFIED in the case '%s' (%s)\n%s", which.name, failure.kind.c_str(),
         failure.text.c_str());
  line.revision = GATIO_REVISION;
  if (failure.has_choices) {
    line.seed.reset();
    line.choices = failure.choices;
    printf("choices that are not 0: %s\n", print_chosen(failure).c_str());
    write_failure(which, failure, line, file);
  } else {
    printf("its process could not save its choices, so it is not shrunk\n");
  }
  write_trace(which, line, trace);
  printf("gatio replay %s\n", print(line).c_str());
  return kFinding;
}

}  // namespace

int explore_command(const ExploreOptions& options) {
  CampaignOptions campaign;
  if (!parse_seeds(options.seeds, campaign.first_seed, campaign.last_seed))
    return bad_input("--seeds takes A..B with 1 <= A <= B < 2^64, not '" + options.seeds + "'");
  if (options.minutes > 0) campaign.minutes = options.minutes;
  campaign.workers = options.workers > 0 ? options.workers : allowed_cpus();
  campaign.options.preempt = !options.turns_only;
  for (const std::string& name : options.cases) {
    const Case* found = find_case(name);
    if (found == nullptr) return bad_input("there is no case '" + name + "'");
    campaign.cases.push_back(found);
  }
  bool all_cases_run = campaign.cases.empty() && options.planted.empty();
  campaign.cases.insert(campaign.cases.end(), options.planted.begin(), options.planted.end());
  if (campaign.cases.empty()) {
    for (const Case& each : all_cases()) campaign.cases.push_back(&each);
  }
  if (int code = check_outputs(options.trace, options.failure); code != kFine) return code;
  Interrupt interrupt;
  CampaignResult result = run_campaign(campaign, interrupt);
  print_summary(campaign, result);
  if (result.failure) {
    const auto& [which, seed] = *result.failure;
    printf("seed %lu fails; shrinking it for at most %.0f s\n", seed, kShrinkSeconds);
    fflush(stdout);
    ReplayLine line{GATIO_REVISION, which->name, campaign.options.preempt, seed, {}};
    IsolatedResult first = run_isolated(*which, fakes::Choices(seed), campaign.options);
    if (!first.failed) {
      printf("it did not fail again: the run depends on more than its seed, which is a bug\n");
      return kFinding;
    }
    if (first.has_choices) first = shrink(*which, first, campaign.options, kShrinkSeconds);
    return report(*which, first, line, options.trace, options.failure);
  }
  if (result.interrupted) return kInterrupted;
  if (all_cases_run && campaign.options.preempt && result.runs >= kEnoughRuns) {
    std::vector<const char*> missing = events_that_never_happened(result.sometimes);
    for (const char* each : missing)
      printf("never happened in %lu runs, so that what depends on it was not tried: %s\n",
             result.runs, each);
    if (!missing.empty()) return kFinding;
  }
  printf("no property was falsified\n");
  return kFine;
}

int replay_command(const ReplayOptions& options) {
  Result<ReplayLine> line = parse_replay_line(options.line);
  if (!line) return bad_input(line.error().message());
  if (int code = check_outputs(options.trace, options.failure); code != kFine) return code;
  if (line->revision != GATIO_REVISION) {
    fprintf(stderr,
            "gatio: this line is from revision %s and this program from %s: the run may differ\n",
            line->revision.c_str(), GATIO_REVISION);
  }
  const Case& which = *find_case(line->case_name);
  IsolatedResult result = run_isolated(which, choices_of(*line), {.preempt = line->preempt});
  if (result.failed) return report(which, result, *line, options.trace, options.failure);
  printf("%sit holds\n", result.text.c_str());
  write_trace(which, *line, options.trace);
  return kFine;
}

}  // namespace gatio::harness
