// The `gatio` program: options in, an exit code out (harness/exit_code.hpp). Each command registers
// itself with the parser and leaves behind what is to be called.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>

#include "harness/calibrate_command.hpp"
#include "harness/check_command.hpp"
#include "harness/exit_code.hpp"
#include "harness/explore_command.hpp"
#include "harness/run_command.hpp"
#include "harness/serve_command.hpp"
#include "harness/simulation/cases.hpp"
#include "harness/topology_command.hpp"

namespace {

using Action = std::function<int()>;

void add_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<gatio::harness::RunOptions>();
  CLI::App* command =
      app.add_subcommand("run", "Compare role mixes, and other servers, under load");
  command
      ->add_option("scenario", options->scenario,
                   "What to run: a file such as scenarios/static.toml")
      ->required()
      ->type_name("SCENARIO.toml");
  command->add_flag("--quick", options->quick,
                    "End within 60 s: fewer repetitions, connections and points");
  command
      ->add_option("--mix", options->mixes,
                   "Measure this mix instead of the scenario's (repeatable), e.g. 1io+1exec")
      ->type_name("MIX")
      ->allow_extra_args(false);
  command->add_option("--seed", options->seed, "Seed of the order of the measurements")
      ->type_name("N");
  command->add_option("--out", options->out, "Write the results there as Google Benchmark JSON")
      ->type_name("FILE.json");
  command
      ->add_option("--on", options->on,
                   "Where: real drivers on this kernel, or simulated ones on the fake kernel")
      ->check(CLI::IsMember({"linux", "fake"}));
  command
      ->add_option("--costs", options->costs,
                   "With --on fake: what operations cost, as gatio calibrate wrote it")
      ->type_name("FILE.json");
  command->add_option("--topology", options->topology, "Topology that the servers are told to use")
      ->type_name("T");
  command
      ->add_option("--without", options->without,
                   "Switch an optional kernel feature off in the servers (repeatable)")
      ->type_name("FEATURE")
      ->allow_extra_args(false);
  command->footer(
      "Prints a table ranked by CPU time per request.\n"
      "Exit codes: 0 fine; 1 a reply was wrong or a server died; 2 bad usage or scenario; 4 "
      "something is missing\n"
      "here; 130 after Ctrl-C, with what was measured saved: in the file of --out, else in\n"
      "./NAME-interrupted.json.");
  command->callback(
      [options, &action] { action = [options] { return gatio::harness::run_command(*options); }; });
}

void add_topology(CLI::App& app, Action& action) {
  auto options = std::make_shared<gatio::harness::TopologyOptions>();
  CLI::App* command = app.add_subcommand(
      "topology", "Show nodes, cores and PUs, what this kernel offers, and which limits will bite");
  command
      ->add_option("--topology", options->topology,
                   "Another machine: 'numa:2 core:4 pu:2' or an lstopo XML file")
      ->type_name("T");
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &action] {
    action = [options] { return gatio::harness::topology_command(*options); };
  });
}

void add_check(CLI::App& app, Action& action) {
  auto options = std::make_shared<gatio::harness::CheckOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "Plan the ports of a configuration, or show every conflict; binds nothing");
  command->add_option("config", options->config, "The configuration")
      ->required()
      ->type_name("CONFIG.toml");
  command
      ->add_option("--topology", options->topology,
                   "Plan for another machine: 'numa:2 core:4 pu:2' or an lstopo XML file")
      ->type_name("T");
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &action] {
    action = [options] { return gatio::harness::check_command(*options); };
  });
}

void add_serve(CLI::App& app, Action& action) {
  auto options = std::make_shared<gatio::harness::ServeOptions>();
  CLI::App* command = app.add_subcommand(
      "serve", "Serve the ports of a configuration until Ctrl-C or SIGTERM, then drain");
  command->add_option("config", options->config, "The configuration")
      ->required()
      ->type_name("CONFIG.toml");
  command->add_option("--topology", options->topology, "Instead of the configuration's")
      ->type_name("T");
  command
      ->add_option("--without", options->without,
                   "Do without an optional kernel feature (repeatable; 'all')")
      ->type_name("FEATURE")
      ->allow_extra_args(false);
  command->add_option("--metrics", options->metrics, "Write what was counted there as JSON")
      ->type_name("FILE");
  command->callback([options, &action] {
    action = [options] { return gatio::harness::serve_command(*options); };
  });
}

void add_calibrate(CLI::App& app, Action& action) {
  auto options = std::make_shared<gatio::harness::CalibrateOptions>();
  CLI::App* command = app.add_subcommand(
      "calibrate", "Measure what a ring's operations cost here, for gatio run --on fake");
  command->add_option("--out", options->out, "Write the table there, for --costs")
      ->type_name("FILE.json");
  command->callback([options, &action] {
    action = [options] { return gatio::harness::calibrate_command(*options); };
  });
}

void add_explore(CLI::App& app, Action& action) {
  auto options = std::make_shared<gatio::harness::ExploreOptions>();
  CLI::App* command = app.add_subcommand(
      "explore", "Hold the runtime to its properties on the fake kernel, under many seeds");
  command->add_option("--seeds", options->seeds, "Which seeds, 1..20000 unless given")
      ->type_name("A..B");
  command->add_option("--minutes", options->minutes, "End after so many, whatever is left")
      ->type_name("M")
      ->check(CLI::PositiveNumber);
  command->add_option("--case", options->cases, "Only this kind of run (repeatable)")
      ->type_name("CASE")
      ->allow_extra_args(false);
  command->add_flag("--turns-only", options->turns_only,
                    "Switch drivers only between turns, never at a sync point");
  command->add_option("--workers", options->workers, "Processes; one for each CPU unless given")
      ->type_name("N")
      ->check(CLI::Range(1, 256));
  command
      ->add_option("--trace", options->trace,
                   "Where the trace of a failure goes, gatio-trace.json unless given")
      ->type_name("FILE");
  command
      ->add_option("--failure", options->failure,
                   "Where its choices by kind go, gatio-failure.txt unless given")
      ->type_name("FILE");
  std::string footer = "Cases:\n";
  for (const gatio::harness::Case& each : gatio::harness::all_cases())
    footer += "  " + std::string(each.name) + ": " + each.what + "\n";
  command->footer(footer +
                  "A failure prints what was falsified, one line for gatio replay, and a trace.\n"
                  "Exit codes: 0 all held; 1 falsified; 2 bad usage; 130 after Ctrl-C.");
  command->callback([options, &action] {
    action = [options] { return gatio::harness::explore_command(*options); };
  });
}

void add_replay(CLI::App& app, Action& action) {
  auto options = std::make_shared<gatio::harness::ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Run one failure of gatio explore again");
  command->add_option("line", options->line, "What gatio explore printed behind 'gatio replay'")
      ->required()
      ->type_name("LINE");
  command->add_option("--trace", options->trace, "Write the trace there, for ui.perfetto.dev")
      ->type_name("FILE");
  command->callback([options, &action] {
    action = [options] { return gatio::harness::replay_command(*options); };
  });
}

bool is_command(CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    if (command->check_name(name)) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Gatio: role mixes of an io_uring runtime, compared under load.", "gatio");
  app.set_version_flag("--version", "gatio " GATIO_VERSION);
  app.require_subcommand(1);
  Action action;
  add_topology(app, action);
  add_check(app, action);
  add_serve(app, action);
  add_run(app, action);
  add_calibrate(app, action);
  add_explore(app, action);
  add_replay(app, action);
  if (argc > 1 && argv[1][0] != '-' && !is_command(app, argv[1])) {
    fprintf(stderr, "gatio: there is no command '%s'; gatio --help lists them\n", argv[1]);
    return gatio::harness::kBadInput;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    fprintf(stderr, "gatio: %s; see gatio --help\n", error.what());
    return gatio::harness::kBadInput;
  }
  return action();
}
