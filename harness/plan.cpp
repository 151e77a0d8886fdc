#include "harness/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "harness/mix.hpp"
#include "runtime/base/prng.hpp"

namespace gatio::harness {
namespace {

// What starting, warming up, stopping and checking a server take beside the timed seconds; measured
// generously, because `--quick` must hold its promise on a busy machine too.
constexpr double kOverheadSeconds = 0.3;
constexpr double kCheckSeconds = 1.0;

// The arguments that have more than one value name the point; the others are constants.
std::string point_name(const Scenario& scenario, const Arguments& arguments) {
  std::string name;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (scenario.sweep[i].values.size() < 2) continue;
    name +=
        fmt::format("{}{}:{}", name.empty() ? "" : "/", arguments[i].first, arguments[i].second);
  }
  return name;
}

bool names_argument(const Target& target, const std::vector<Sweep>& sweep) {
  return std::ranges::any_of(target.command, [&](const std::string& word) {
    return std::ranges::any_of(sweep, [&](const Sweep& s) {
      return word.find("{" + s.argument + "}") != std::string::npos;
    });
  });
}

void add_server(const Scenario& scenario, ServerSpec spec, Plan& plan) {
  const std::string kind = spec.target ? "target" : "mix";
  const std::string point = spec.point.empty() ? "" : spec.point + "/";
  for (const unsigned connections : scenario.connections) {
    plan.arms.push_back(
        {plan.servers.size(), connections,
         fmt::format("{}/{}{}:{}/conns:{}", scenario.name, point, kind, spec.label, connections)});
  }
  plan.servers.push_back(std::move(spec));
}

double estimate_seconds(const Plan& plan, unsigned repetitions) {
  return static_cast<double>(plan.servers.size()) * kCheckSeconds +
         static_cast<double>(plan.arms.size()) * repetitions * (plan.seconds + kOverheadSeconds);
}

template <typename T>
void shuffle(std::vector<T>& values, Prng& prng) {
  for (size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[prng.below(i)]);  // Fisher-Yates
}

// Takes one value out of the middle of the longest list; false when all have one left.
bool thin_sweep(std::vector<Sweep>& sweep) {
  const auto longest = std::ranges::max_element(
      sweep, {}, [](const Sweep& candidate) { return candidate.values.size(); });
  if (longest == sweep.end() || longest->values.size() < 2) return false;
  longest->values.erase(longest->values.begin() +
                        static_cast<ptrdiff_t>(longest->values.size() / 2));
  return true;
}

}  // namespace

std::vector<Arguments> sweep_points(const std::vector<Sweep>& sweep) {
  std::vector<Arguments> points{{}};
  for (const Sweep& one : sweep) {
    std::vector<Arguments> longer;
    for (const Arguments& point : points) {
      for (const int64_t value : one.values) {
        longer.push_back(point);
        longer.back().emplace_back(one.argument, value);
      }
    }
    points = std::move(longer);
  }
  return points;
}

Plan make_plan(const Scenario& scenario, const Topology& topology) {
  Plan plan;
  plan.repetitions = scenario.repetitions;
  plan.seconds = scenario.seconds;
  plan.cpus = cpus_of(topology);
  for (const Node& node : topology.nodes) {
    for (const Core& core : node.cores) plan.cores.push_back(core.pus);
  }
  const std::vector<Arguments> points = sweep_points(scenario.sweep);
  for (const std::string& mix : scenario.mixes) {
    const Result<std::vector<unsigned>> used = cpus_of_mix(mix, topology);
    if (!used) {
      plan.skipped.push_back(fmt::format("mix {}: {}", mix, used.error().message()));
      continue;
    }
    for (const Arguments& point : points) {
      add_server(scenario, {mix, mix, std::nullopt, point, point_name(scenario, point), *used},
                 plan);
    }
  }
  for (size_t i = 0; i < scenario.targets.size() && !plan.cpus.empty(); ++i) {
    const Target& target = scenario.targets[i];
    for (const Arguments& point :
         names_argument(target, scenario.sweep) ? points : std::vector<Arguments>{{}}) {
      add_server(scenario, {target.name, "", i, point, point_name(scenario, point), {plan.cpus[0]}},
                 plan);
    }
  }
  return plan;
}

GeneratorPlace place_generator(const Plan& plan, const ServerSpec& server) {
  const auto is_servers = [&](unsigned cpu) { return std::ranges::count(server.cpus, cpu) > 0; };
  std::vector<unsigned> free;  // of cores that the server does not touch
  std::vector<unsigned> left;  // of any core
  for (const std::vector<unsigned>& core : plan.cores) {
    const bool touched = std::ranges::any_of(core, is_servers);
    for (const unsigned cpu : core) {
      if (!touched) free.push_back(cpu);
      if (!is_servers(cpu)) left.push_back(cpu);
    }
  }
  std::ranges::sort(free);
  std::ranges::sort(left);
  if (!free.empty()) return {free, false};
  return {left.empty() ? plan.cpus : left, true};
}

std::vector<std::string> shorten(Scenario& scenario, const Topology& topology,
                                 double budget_seconds) {
  std::vector<std::string> left_out;
  const unsigned wanted = scenario.repetitions;
  scenario.seconds = 1;  // less makes wrk's figures meaningless
  if (estimate_seconds(make_plan(scenario, topology), 1) > budget_seconds &&
      scenario.connections.size() > 1) {
    const unsigned most = std::ranges::max(scenario.connections);
    left_out.push_back(fmt::format("all connection counts but {}", most));
    scenario.connections = {most};
  }
  size_t dropped = 0;
  while (estimate_seconds(make_plan(scenario, topology), 1) > budget_seconds &&
         thin_sweep(scenario.sweep))
    ++dropped;
  if (dropped > 0) left_out.push_back(fmt::format("{} values of the sweep", dropped));
  scenario.repetitions = 1;
  while (scenario.repetitions < wanted &&
         estimate_seconds(make_plan(scenario, topology), scenario.repetitions + 1) <=
             budget_seconds) {
    ++scenario.repetitions;
  }
  if (scenario.repetitions < wanted) {
    left_out.push_back(fmt::format("{} of {} repetitions", wanted - scenario.repetitions, wanted));
  }
  return left_out;
}

std::vector<std::vector<size_t>> groups_of(const Plan& plan) {
  std::vector<std::vector<size_t>> groups;
  std::map<std::pair<std::string, unsigned>, size_t> places;
  for (size_t arm = 0; arm < plan.arms.size(); ++arm) {
    const auto key =
        std::pair(plan.servers[plan.arms[arm].server].point, plan.arms[arm].connections);
    const auto [place, added] = places.emplace(key, groups.size());
    if (added) groups.emplace_back();
    groups[place->second].push_back(arm);
  }
  return groups;
}

std::vector<std::vector<size_t>> interleave(const std::vector<std::vector<size_t>>& groups,
                                            unsigned repetitions, uint64_t seed) {
  Prng prng(seed);
  std::vector<std::vector<size_t>> shuffled = groups;
  std::vector<std::vector<size_t>> order(repetitions);
  for (std::vector<size_t>& block : order) {
    shuffle(shuffled, prng);
    for (std::vector<size_t>& group : shuffled) {
      shuffle(group, prng);
      block.insert(block.end(), group.begin(), group.end());
    }
  }
  return order;
}

}  // namespace gatio::harness
