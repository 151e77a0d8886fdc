#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "harness/mix.hpp"
#include "harness/summary.hpp"

namespace gatio::harness {
namespace {

using Row = std::vector<std::string>;

std::string with_spread(const std::string& value, double spread, size_t repetitions) {
  return repetitions < 2 ? value : fmt::format("{} ±{:>2.0f}%", value, spread * 100);
}

std::string grouped(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string optional_figure(const std::optional<double>& value, const char* suffix = "") {
  return value ? fmt::format("{:.2f}{}", *value, suffix) : "-";
}

// Columns as wide as their widest cell: the first to the left, the rest to the right, the notes to
// the left again.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows[0].size(), 0);
  const auto shown = [](const std::string& cell) {  // bytes that begin a character
    return static_cast<size_t>(
        std::ranges::count_if(cell, [](char c) { return (c & 0xc0) != 0x80; }));
  };
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], shown(row[i]));
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = " ";
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - shown(row[i]), ' ');
      const bool left = i == 0 || i + 1 == row.size();
      line += " " + (left ? row[i] + padding : padding + row[i]) + " ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string notes_of(const ArmSummary& summary) {
  std::string notes;
  if (summary.generator_bound) notes += "generator_bound ";
  if (summary.shared) notes += "shared ";
  return notes;
}

std::string group_text(const Scenario& scenario, const Plan& plan,
                       const std::vector<Measurement>& measurements,
                       std::vector<ArmSummary> group) {
  std::ranges::sort(group, {}, &ArmSummary::cpu_ns);
  // A column for each reference that was measured: only a ratio of pairs is worth comparing.
  Row references;
  for (const char* label : {"floor", "nginx"}) {
    const auto reference = reference_arm(plan, group[0].arm, label);
    const bool measured = reference && std::ranges::any_of(group, [&](const ArmSummary& summary) {
                            return summary.arm == *reference;
                          });
    if (measured && group.size() > 1) references.emplace_back(label);
  }
  Row header{"server", "CPU ns/request", "requests/s", "enters/req", "hand-offs/req", "errors"};
  for (const std::string& label : references) header.insert(header.begin() + 2, "CPU / " + label);
  header.emplace_back("notes");
  std::vector<Row> rows{header};
  for (const ArmSummary& summary : group) {
    Row row{plan.servers[plan.arms[summary.arm].server].label,
            with_spread(grouped(summary.cpu_ns), summary.cpu_ns_spread, summary.repetitions),
            with_spread(grouped(summary.requests_per_second), summary.requests_per_second_spread,
                        summary.repetitions),
            optional_figure(summary.enters_per_request),
            optional_figure(summary.handoffs_per_request),
            std::to_string(summary.errors)};
    for (const std::string& label : references) {
      const auto reference = reference_arm(plan, summary.arm, label);
      row.insert(row.begin() + 2,
                 optional_figure(paired_cpu_ratio(measurements, summary.arm, *reference), "x"));
    }
    row.push_back(notes_of(summary));
    rows.push_back(std::move(row));
  }
  const Arm& first = plan.arms[group[0].arm];
  std::string point;
  for (const ArmSummary& summary : group) {
    const std::string& candidate = plan.servers[plan.arms[summary.arm].server].point;
    if (!candidate.empty()) point = ", " + candidate;
  }
  return fmt::format("\n{}{}, {} connection{}, {} request{} at once\n", scenario.name, point,
                     first.connections, first.connections == 1 ? "" : "s", scenario.load.pipeline,
                     scenario.load.pipeline == 1 ? "" : "s") +
         aligned(rows);
}

}  // namespace

std::string render_table(const Scenario& scenario, const Plan& plan,
                         const std::vector<Measurement>& measurements) {
  const std::vector<ArmSummary> summaries = summarize(plan, measurements);
  // The groups in the plan's order. A target that takes no swept argument stands in every point's
  // group.
  std::vector<std::string> points;
  for (const ServerSpec& server : plan.servers) {
    if (!server.point.empty() && std::ranges::count(points, server.point) == 0)
      points.push_back(server.point);
  }
  if (points.empty()) points.emplace_back("");
  std::string text;
  bool bound = false;
  bool shared = false;
  for (const std::string& point : points) {
    for (const unsigned connections : scenario.connections) {
      std::vector<ArmSummary> group;
      for (const ArmSummary& summary : summaries) {
        const Arm& arm = plan.arms[summary.arm];
        const std::string& own = plan.servers[arm.server].point;
        if (arm.connections == connections && (own == point || own.empty()))
          group.push_back(summary);
      }
      if (group.empty()) continue;
      text += group_text(scenario, plan, measurements, group);
      for (const ArmSummary& summary : group) {
        bound = bound || summary.generator_bound;
        shared = shared || summary.shared;
      }
    }
  }
  if (text.empty()) return text;
  text +=
      "\nRanked by the server's CPU time for each request, best first. Figures are medians, ± half "
      "the distance of\n"
      "the quartiles; CPU / X is the median ratio of pairs measured in the same repetition.\n";
  if (bound)
    text +=
        "generator_bound: wrk was busy all the time, so the server may be able to do more "
        "requests/s.\n";
  if (shared)
    text += "shared: wrk had to run on the server's CPUs, so its requests/s are too low.\n";
  return text;
}

}  // namespace gatio::harness
