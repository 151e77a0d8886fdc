#include "harness/run_command.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "harness/calibrate_command.hpp"
#include "harness/circumstances.hpp"
#include "harness/exit_code.hpp"
#include "harness/fake_runner.hpp"
#include "harness/interrupt.hpp"
#include "harness/mix.hpp"
#include "harness/output_file.hpp"
#include "harness/plan.hpp"
#include "harness/results_json.hpp"
#include "harness/runner.hpp"
#include "harness/scenario.hpp"
#include "harness/simulation/whole_number.hpp"
#include "harness/summary.hpp"
#include "harness/wrk.hpp"
#include "runtime/config/mix.hpp"

namespace gatio::harness {
namespace {

namespace fs = std::filesystem;

// `--quick` promises 60 s. The plan is made for the first figure; whatever goes slower than
// planned, no pass begins that could end after the second, and no wait within one goes on past it.
constexpr double kQuickPlanSeconds = 45;
constexpr int kQuickDeadlineSeconds = 54;
// On the fake kernel nothing is noisy: a quarter of the scenario's time is as good as all of it,
// and what repetitions differ by is the network's seed.
constexpr uint64_t kFakeNsPerSecond = 250'000'000;
constexpr unsigned kFakeRepetitions = 3;

void complain(const std::string& sentence) {
  fmt::print(stderr, "gatio run: {}\n", sentence);
}

// A folder for this run, removed at its end.
class WorkFolder {
 public:
  WorkFolder() : path_(parent() + "/gatio-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  static std::string parent() {
    const char* variable = getenv("TMPDIR");
    return variable != nullptr ? variable : "/tmp";
  }
  ~WorkFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string own_path() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).string();
}

// Replaces the scenario's mixes by those asked for.
Result<void> choose_mixes(const RunOptions& options, Scenario& scenario) {
  if (options.mixes.empty()) return {};
  if (scenario.server.empty()) {
    return fail(EINVAL,
                fmt::format("{} has no server of ours that --mix could be for", scenario.file));
  }
  scenario.mixes.clear();
  for (const std::string& mix : options.mixes) {
    if (Result<config::Mix> parsed = config::parse_mix(mix); !parsed)
      return fail(EINVAL, "--mix: " + parsed.error().message());
    if (std::ranges::count(scenario.mixes, mix) == 0) scenario.mixes.push_back(mix);
  }
  return {};
}

// Takes out the targets whose program is not installed, and says so.
// Returns the names of the programs.
std::vector<std::string> drop_missing_targets(Scenario& scenario, const Surroundings& surroundings,
                                              std::vector<std::string>& skipped) {
  std::vector<std::string> missing;
  std::erase_if(scenario.targets, [&](const Target& target) {
    const std::string program = fill_in(target.command[0], {{"scenarios", surroundings.programs}});
    if (program_exists(program)) return false;
    missing.push_back(fs::path(program).filename());
    skipped.push_back(fmt::format("target {}: {} is not installed", target.name, missing.back()));
    return true;
  });
  return missing;
}

// The fake kernel runs servers of ours alone.
std::vector<std::string> drop_all_targets(Scenario& scenario, std::vector<std::string>& skipped) {
  for (const Target& target : scenario.targets) {
    skipped.push_back(
        fmt::format("target {}: the fake kernel runs no other programs", target.name));
  }
  scenario.targets.clear();
  return {};
}

class RunCommand {
 public:
  explicit RunCommand(const RunOptions& options) : options_(options) {
    const std::string self = own_path();
    surroundings_ = {fs::path(self).parent_path() / "scenarios", work_.path(), options.topology,
                     options.without};
    context_.executable = fs::path(self).filename();
  }

  int run() {
    if (const int code = prepare(); code != kFine) return code;
    if (options_.quick)
      surroundings_.deadline.at =
          Deadline::Clock::now() + std::chrono::seconds(kQuickDeadlineSeconds);
    RunResult result = measure();
    std::ranges::copy(result.skipped, std::back_inserter(plan_.skipped));
    fmt::print("{}", render_table(scenario_, plan_, result.measurements));
    for (const std::string& sentence : plan_.skipped) fmt::print("skipped: {}\n", sentence);
    fflush(stdout);  // what follows on stderr is said after the table
    context_.complete = !result.interrupted && !result.out_of_time && !result.failed;
    return finish(result);
  }

 private:
  [[nodiscard]] bool on_fake() const { return options_.on == "fake"; }

  RunResult measure() {
    if (!on_fake()) return Runner(scenario_, plan_, surroundings_, interrupt_).run(context_.seed);
    FakeRunOptions fake{.topology = topology(),
                        .without = options_.without,
                        .seed = context_.seed,
                        .measured_ns = plan_.seconds * kFakeNsPerSecond,
                        .costs = costs_,
                        .deadline = surroundings_.deadline};
    return run_on_fake(scenario_, plan_, fake, interrupt_);
  }
  [[nodiscard]] std::string topology() const {
    return options_.topology.empty() ? "this" : options_.topology;
  }

  int prepare() {
    auto scenario = load_scenario(options_.scenario);
    if (!scenario) return complain(scenario.error().message()), kBadInput;
    scenario_ = std::move(*scenario);
    if (auto chosen = choose_mixes(options_, scenario_); !chosen) {
      return complain(chosen.error().message()), kBadInput;
    }
    context_.seed = std::random_device{}();
    if (options_.seed && !read_whole_number(*options_.seed, context_.seed)) {
      return complain(fmt::format("--seed takes a whole number from 0 to 2^64-1, not '{}'",
                                  *options_.seed)),
             kBadInput;
    }
    if (const std::string problem = problem_of_output(options_.out, scenario_.name + ".json");
        !problem.empty())
      return complain(fmt::format("--out {}: {}", options_.out, problem)), kBadInput;
    if (on_fake()) {
      if (auto can = can_run_on_fake(scenario_); !can)
        return complain(can.error().message()), kBadInput;
      if (!options_.costs.empty()) {
        auto costs = load_costs(options_.costs);
        if (!costs) return complain(costs.error().message()), kBadInput;
        costs_ = *costs;
      }
      return make_the_plan();
    }
    if (!options_.costs.empty()) return complain("--costs goes with --on fake"), kBadInput;
    if (scenario_.load.open_loop()) {
      return complain(fmt::format("{}: load.generator: there are open-loop clients on the fake "
                                  "kernel only; add --on fake",
                                  scenario_.file)),
             kBadInput;
    }
    if (!program_exists("wrk")) {
      return complain(
                 "wrk, which generates the load, is not installed: install it (apt-get install "
                 "wrk)"),
             kLacking;
    }
    if (work_.path().empty()) {
      return complain(fmt::format("cannot make a folder for temporary files in {}: set TMPDIR to "
                                  "one that is writable",
                                  WorkFolder::parent())),
             kLacking;
    }
    const std::string server = surroundings_.programs + "/" + scenario_.server;
    if (!scenario_.mixes.empty() && !program_exists(server)) {
      return complain(
                 fmt::format("{}: server: there is no program {}; build it or correct its name",
                             scenario_.file, server)),
             kBadInput;
    }
    return make_the_plan();
  }

  int make_the_plan() {
    const Result<Topology> machine = load_topology(topology());
    if (!machine) {
      complain(machine.error().message());
      return kBadInput;
    }
    const std::vector<unsigned> cpus = cpus_of(*machine);
    std::vector<std::string> skipped;
    const std::vector<std::string> missing =
        on_fake() ? drop_all_targets(scenario_, skipped)
                  : drop_missing_targets(scenario_, surroundings_, skipped);
    std::vector<std::string> left_out;
    if (on_fake()) scenario_.repetitions = options_.quick ? 1 : kFakeRepetitions;
    if (options_.quick) left_out = shorten(scenario_, *machine, kQuickPlanSeconds);
    plan_ = make_plan(scenario_, *machine);
    plan_.skipped.insert(plan_.skipped.end(), skipped.begin(), skipped.end());
    for (const std::string& sentence : plan_.skipped) fmt::print(stderr, "skipped: {}\n", sentence);
    const bool any_mix =
        std::ranges::any_of(plan_.servers, [](const ServerSpec& spec) { return !spec.target; });
    if (plan_.arms.empty() && scenario_.mixes.empty())
      return complain(no_target(missing)), kLacking;
    if (!any_mix && !scenario_.mixes.empty()) {
      complain(fmt::format(
          "none of the mixes of {} fits the {} CPUs that this process may use; name a smaller one "
          "with --mix",
          scenario_.file, cpus.size()));
      return kLacking;
    }
    describe(*machine, left_out);
    if (on_fake()) return kFine;
    std::ofstream script(work_.path() + "/load.lua");
    script << wrk_script(scenario_.load.pipeline);
    return kFine;
  }

  // For a scenario that has nothing but targets.
  std::string no_target(const std::vector<std::string>& missing) const {
    return fmt::format("{} has no mixes, and none of its targets is installed; install {}",
                       scenario_.file, fmt::join(missing, " or "));
  }

  // Fills in the context and says what is about to happen.
  void describe(const Topology& topology, const std::vector<std::string>& left_out) {
    const std::vector<unsigned> cpus = cpus_of(topology);
    context_.date = now_iso();
    context_.revision = build_revision();
    context_.build_type = build_type();
    context_.cpu_model = on_fake() ? "simulated" : cpu_model();
    context_.kernel = on_fake() ? "fake" : kernel_release();
    context_.cpus = static_cast<unsigned>(cpus.size());
    context_.topology = describe_topology(topology);
    context_.generator = on_fake() ? simulated_clients() : find_wrk_version();
    for (const ServerSpec& spec : plan_.servers) {
      const std::string name = spec.target ? spec.label : scenario_.server;
      if (context_.binaries.contains(name)) continue;
      if (const std::string hash = file_hash(program_of(scenario_, spec, surroundings_));
          !hash.empty()) {
        context_.binaries[name] = hash;
      }
    }
    fmt::print(stderr, "{}: {} arms x {} repetitions x {} s, on CPUs {}, seed {}\n", scenario_.name,
               plan_.arms.size(), plan_.repetitions, plan_.seconds, cpu_ranges(cpus),
               context_.seed);
    if (!left_out.empty()) fmt::print(stderr, "--quick leaves out {}\n", fmt::join(left_out, ", "));
  }

  std::string simulated_clients() const {
    if (!scenario_.load.open_loop()) return "simulated clients, closed loop";
    return fmt::format("simulated clients, open loop, {} requests/s, {}", scenario_.load.rate,
                       scenario_.load.poisson ? "poisson" : "fixed");
  }

  std::string find_wrk_version() {
    Command command;
    command.arguments = {"wrk", "-v"};
    command.folder = work_.path();
    command.name = "version";
    auto wrk = Child::start(command);
    if (!wrk) return "wrk";
    wrk->wait(interrupt_, 2000);
    return wrk_version(wrk->output());
  }

  int finish(const RunResult& result) {
    std::string file = options_.out;
    if (file.empty() && result.interrupted && !result.measurements.empty())
      file = "./" + scenario_.name + "-interrupted.json";
    if (!file.empty()) {
      const auto written =
          write_results(file, results_json(scenario_, plan_, context_, result.measurements));
      if (!written) return complain(written.error().message()), kLacking;
      if (!result.interrupted) fmt::print(stderr, "results: {}\n", file);
    }
    if (result.interrupted) {
      complain(file.empty() ? "interrupted before anything was measured"
                            : "interrupted; the results so far are in " + file);
      return kInterrupted;
    }
    if (result.failed) complain(result.failed->message());
    if (!result.findings.empty()) {
      complain(fmt::format(
          "{}{}", result.findings[0],
          result.findings.size() == 1
              ? ""
              : fmt::format(" (and {} more findings above)", result.findings.size() - 1)));
      return kFinding;
    }
    if (result.failed) return kBadInput;
    if (const auto lacking = lacks(result)) return complain(*lacking), kLacking;
    if (result.out_of_time)
      complain("the time of --quick was over before all repetitions were done");
    return kFine;
  }

  // Why a run without a finding answers nothing: other servers alone compare no mixes.
  std::optional<std::string> lacks(const RunResult& result) const {
    const bool any_mix = std::ranges::any_of(result.measurements, [&](const Measurement& each) {
      return !plan_.servers[plan_.arms[each.arm].server].target;
    });
    if (any_mix || (scenario_.mixes.empty() && !result.measurements.empty())) return std::nullopt;
    if (!result.skipped.empty()) return result.skipped[0];
    return fmt::format("the time was over before {} was measured",
                       result.measurements.empty() ? "anything" : "any of the mixes");
  }

  const RunOptions& options_;
  Interrupt interrupt_;
  WorkFolder work_;
  Surroundings surroundings_;
  Scenario scenario_;
  Plan plan_;
  Context context_;
  fakes::Costs costs_;
};

}  // namespace

int run_command(const RunOptions& options) {
  return RunCommand(options).run();
}

}  // namespace gatio::harness
