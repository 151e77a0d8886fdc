#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "harness/summary.hpp"

namespace gatio::harness {
namespace {

using Row = std::vector<std::string>;

std::string with_spread(const std::string& value, double spread, size_t repetitions) {
  return repetitions < 2 ? value : fmt::format("{} ±{:>2.0f}%", value, spread * 100);
}

std::string grouped(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string optional_figure(const std::optional<double>& value) {
  return value ? fmt::format("{:.2f}", *value) : "-";
}

std::string ratio_text(const std::optional<PairedRatio>& ratio) {
  if (!ratio) return "-";
  return fmt::format("{} ({})",
                     with_spread(fmt::format("{:.2f}", ratio->median), ratio->spread, ratio->pairs),
                     ratio->pairs);
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

// The arms that are compared with one another: one point of the sweep, one number of connections.
struct Group {
  std::string point;
  unsigned connections = 0;
  std::vector<ArmSummary> arms;
};

class Table {
 public:
  Table(const Scenario& scenario, const Plan& plan, const std::vector<Measurement>& measurements)
      : scenario_(scenario), plan_(plan), measurements_(measurements) {}

  std::string text() const {
    std::string text;
    bool bound = false;
    bool shared = false;
    for (const Group& group : groups()) {
      text += group_text(group);
      for (const ArmSummary& summary : group.arms) {
        bound = bound || summary.generator_bound;
        shared = shared || summary.shared;
      }
    }
    if (text.empty()) return text;
    text +=
        "\nRanked by the server's CPU time per request, best first. Figures are medians, ± is half "
        "the\n"
        "distance of the quartiles; enters and hand-offs are medians alone. / floor is the ratio "
        "within\n"
        "pairs of the same repetition, with the number of pairs in ( ).\n";
    if (bound)
      text += "generator_bound: wrk was the bottleneck; the server may do more requests/s.\n";
    if (shared)
      text +=
          "shared: wrk ran on the server's cores too; compare such figures only with one "
          "another.\n";
    return text;
  }

 private:
  const ServerSpec& server_of(const ArmSummary& summary) const {
    return plan_.servers[plan_.arms[summary.arm].server];
  }

  // In the plan's order. A target that takes no swept argument stands in every point's group.
  std::vector<Group> groups() const {
    const std::vector<ArmSummary> summaries = summarize(plan_, measurements_);
    std::vector<std::string> points;
    for (const ServerSpec& server : plan_.servers) {
      if (!server.point.empty() && std::ranges::count(points, server.point) == 0) {
        points.push_back(server.point);
      }
    }
    if (points.empty()) points.emplace_back();
    std::vector<Group> groups;
    for (const std::string& point : points) {
      for (const unsigned connections : scenario_.connections) {
        Group group{point, connections, {}};
        std::ranges::copy_if(summaries, std::back_inserter(group.arms),
                             [&](const ArmSummary& summary) {
                               const std::string& own = server_of(summary).point;
                               return plan_.arms[summary.arm].connections == connections &&
                                      (own == point || own.empty());
                             });
        std::ranges::sort(group.arms, {}, &ArmSummary::cpu_ns);
        if (!group.arms.empty()) groups.push_back(std::move(group));
      }
    }
    return groups;
  }

  // The arms that the others are put in relation to.
  std::vector<const ArmSummary*> references(const Group& group) const {
    std::vector<const ArmSummary*> found;
    for (const char* label : {"floor", "nginx"}) {
      for (const ArmSummary& summary : group.arms) {
        const ServerSpec& server = server_of(summary);
        if (server.target && server.label == label && group.arms.size() > 1)
          found.push_back(&summary);
      }
    }
    return found;
  }

  Row row(const ArmSummary& summary, const std::vector<const ArmSummary*>& references) const {
    Row cells{server_of(summary).label,
              with_spread(grouped(summary.cpu_ns), summary.cpu_ns_spread, summary.repetitions)};
    for (const ArmSummary* reference : references) {
      cells.push_back(
          reference->arm == summary.arm
              ? "1"
              : ratio_text(paired_cpu_ratio(measurements_, summary.arm, reference->arm)));
    }
    cells.push_back(with_spread(grouped(summary.requests_per_second),
                                summary.requests_per_second_spread, summary.repetitions));
    cells.push_back(optional_figure(summary.enters_per_request));
    cells.push_back(optional_figure(summary.handoffs_per_request));
    cells.push_back(std::to_string(summary.errors));
    cells.push_back(notes_of(summary));
    return cells;
  }

  std::string group_text(const Group& group) const {
    const std::vector<const ArmSummary*> compared = references(group);
    Row header{"server", "CPU ns/req"};
    for (const ArmSummary* reference : compared)
      header.push_back("/ " + server_of(*reference).label);
    for (const char* title : {"requests/s", "enters/req", "hand-offs/req", "errors", ""}) {
      header.emplace_back(title);
    }
    std::vector<Row> rows{header};
    for (const ArmSummary& summary : group.arms) rows.push_back(row(summary, compared));
    return fmt::format("\n{}{}{}, {} connection{}{}\n", scenario_.name,
                       group.point.empty() ? "" : ", ", group.point, group.connections,
                       group.connections == 1 ? "" : "s",
                       scenario_.load.pipeline == 1
                           ? ""
                           : fmt::format(", {} requests at once", scenario_.load.pipeline)) +
           aligned(rows);
  }

  const Scenario& scenario_;
  const Plan& plan_;
  const std::vector<Measurement>& measurements_;
};

}  // namespace

std::string render_table(const Scenario& scenario, const Plan& plan,
                         const std::vector<Measurement>& measurements) {
  return Table(scenario, plan, measurements).text();
}

}  // namespace gatio::harness
