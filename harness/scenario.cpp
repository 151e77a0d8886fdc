#include "harness/scenario.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "runtime/config/mix.hpp"
#include "runtime/config/suggest.hpp"

namespace gatio::harness {
namespace {

// Reads one table and remembers which keys were asked for, so that the others are unknown. The
// first error stays; what is read after it is of no use.
class Reader {
 public:
  Reader(const toml::table& table, std::string prefix, const std::string& file,
         std::optional<Error>& error)
      : table_(table), prefix_(std::move(prefix)), file_(file), error_(error) {}

  const toml::node* find(std::string_view key) {
    known_.insert(std::string(key));
    return table_.get(key);
  }

  const toml::node* require(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) report(table_.source(), key, "is missing");
    return node;
  }

  void report(const toml::source_region& where, std::string_view key, const std::string& sentence) {
    if (error_) return;
    error_ = Error{EINVAL,
                   fmt::format("{}:{}: {}{}: {}", file_, where.begin.line, prefix_, key, sentence)};
  }

  void integer(std::string_view key, int64_t least, int64_t most, unsigned& out) {
    const toml::node* node = find(key);
    if (node != nullptr)
      out = static_cast<unsigned>(integer_of(*node, key, least, most).value_or(out));
  }

  std::optional<int64_t> integer_of(const toml::node& node, std::string_view key, int64_t least,
                                    int64_t most) {
    const auto value = node.value_exact<int64_t>();
    if (value && *value >= least && *value <= most) return value;
    report(node.source(), key, fmt::format("must be a whole number from {} to {}", least, most));
    return std::nullopt;
  }

  void string(std::string_view key, std::string& out) {
    const toml::node* node = find(key);
    if (node != nullptr) out = string_of(*node, key).value_or(out);
  }

  std::optional<std::string> string_of(const toml::node& node, std::string_view key) {
    const auto value = node.value_exact<std::string>();
    if (!value) report(node.source(), key, "must be text in quotes");
    return value;
  }

  // Calls `each` for every element; a missing key is an empty list.
  template <typename Each>
  void list(std::string_view key, Each&& each) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) return report(node->source(), key, "must be a list in [ ]");
    for (const toml::node& element : *array) each(element);
  }

  void strings(std::string_view key, std::vector<std::string>& out) {
    list(key,
         [&](const toml::node& element) { out.push_back(string_of(element, key).value_or("")); });
  }

  // A table inside this one, or null when it is missing or something else.
  const toml::table* table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (node->as_table() == nullptr) report(node->source(), key, "must be a table in { }");
    return node->as_table();
  }

  void refuse_unknown() {
    for (const auto& [key, node] : table_) {
      if (known_.contains(std::string(key.str()))) continue;
      report(key.source(), key.str(),
             config::unknown_among(key.str(), {known_.begin(), known_.end()}));
    }
  }

 private:
  const toml::table& table_;
  std::string prefix_;
  const std::string& file_;
  std::optional<Error>& error_;
  std::set<std::string> known_;
};

bool plain_name(const std::string& text) {
  return !text.empty() &&
         std::ranges::all_of(text,
                             [](char c) {
                               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                      (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
                             }) &&
         text[0] != '.' && text[0] != '-';
}

void read_name(Reader& reader, std::string_view key, std::string& out) {
  const toml::node* node = reader.require(key);
  if (node == nullptr) return;
  out = reader.string_of(*node, key).value_or("");
  if (!plain_name(out))
    reader.report(node->source(), key, "must be a name of letters, digits, '-', '_' and '.'");
}

void read_sweep(Reader& reader, const toml::table& table, const std::string& file,
                std::optional<Error>& error, std::vector<Sweep>& out) {
  static const std::set<std::string> kOurs = {"port",    "mix", "cpus", "metrics",  "topology",
                                              "without", "cpu", "dir",  "scenarios"};
  Reader inner(table, "sweep.", file, error);
  for (const auto& [key, node] : table) {
    Sweep sweep{std::string(key.str()), {}};
    if (!plain_name(sweep.argument) || kOurs.contains(sweep.argument)) {
      reader.report(key.source(), "sweep." + sweep.argument,
                    "cannot be an argument: the runner gives it itself");
    }
    inner.list(key.str(), [&](const toml::node& element) {
      const auto value =
          inner.integer_of(element, key.str(), 0, std::numeric_limits<int64_t>::max());
      if (!value) return;
      if (std::ranges::count(sweep.values, *value) > 0) {
        inner.report(element.source(), key.str(), fmt::format("has {} twice", *value));
      }
      sweep.values.push_back(*value);
    });
    if (sweep.values.empty()) inner.report(node.source(), key.str(), "needs at least one value");
    out.push_back(std::move(sweep));
  }
}

void read_mixes(Reader& reader, std::vector<std::string>& out) {
  reader.list("mixes", [&](const toml::node& element) {
    const std::string mix = reader.string_of(element, "mixes").value_or("");
    if (const auto parsed = config::parse_mix(mix); !parsed) {
      reader.report(element.source(), "mixes", parsed.error().message());
    } else if (std::ranges::count(out, mix) > 0) {
      reader.report(element.source(), "mixes", fmt::format("has '{}' twice", mix));
    }
    out.push_back(mix);
  });
}

void read_connections(Reader& reader, std::vector<unsigned>& out) {
  const toml::node* node = reader.require("connections");
  if (node == nullptr) return;
  reader.list("connections", [&](const toml::node& element) {
    const auto value = reader.integer_of(element, "connections", 1, 100'000);
    if (!value) return;
    if (std::ranges::count(out, static_cast<unsigned>(*value)) > 0) {
      reader.report(element.source(), "connections", fmt::format("has {} twice", *value));
    }
    out.push_back(static_cast<unsigned>(*value));
  });
  if (out.empty()) reader.report(node->source(), "connections", "needs at least one count");
}

void read_open_loop(Reader& reader, Load& out) {
  if (reader.require("rate") != nullptr) reader.integer("rate", 1, 1'000'000'000, out.rate);
  std::string arrivals = "poisson";
  reader.string("arrivals", arrivals);
  out.poisson = arrivals == "poisson";
  if (!out.poisson && arrivals != "fixed") {
    reader.report(reader.find("arrivals")->source(), "arrivals",
                  "must be \"poisson\" or \"fixed\"");
  }
}

void read_load(const toml::table& table, const std::string& file, std::optional<Error>& error,
               Load& out) {
  Reader reader(table, "load.", file, error);
  reader.string("generator", out.generator);
  if (out.generator != "wrk" && !out.open_loop())
    reader.report(table.get("generator")->source(), "generator", "must be \"wrk\" or \"open\"");
  if (out.open_loop()) {
    read_open_loop(reader, out);
  } else {
    reader.integer("threads", 1, 256, out.threads);
    for (const char* key : {"rate", "arrivals"}) {
      if (const toml::node* node = reader.find(key))
        reader.report(node->source(), key, "goes with generator = \"open\"");
    }
  }
  reader.integer("pipeline", 1, 1024, out.pipeline);
  reader.string("path", out.path);
  if (out.path.empty() || out.path[0] != '/' ||
      out.path.find_first_of(" \r\n\"\\") != std::string::npos) {
    reader.report(table.get("path")->source(), "path",
                  "must begin with '/' and hold no blank, quote or line end");
  }
  reader.refuse_unknown();
}

void read_expect(const toml::table& table, const std::string& file, std::optional<Error>& error,
                 Expectation& out) {
  Reader reader(table, "expect.", file, error);
  reader.integer("status", 200, 599, out.status);
  if (const toml::node* body = reader.find("body")) out.body = reader.string_of(*body, "body");
  reader.refuse_unknown();
}

void read_target(const toml::table& table, const std::string& file, std::optional<Error>& error,
                 std::vector<Target>& out) {
  Reader reader(table, "target.", file, error);
  Target target;
  read_name(reader, "name", target.name);
  if (!target.name.empty() &&
      std::ranges::any_of(out, [&](const Target& other) { return other.name == target.name; })) {
    reader.report(table.get("name")->source(), "name", fmt::format("has '{}' twice", target.name));
  }
  if (const toml::node* command = reader.require("command")) {
    reader.strings("command", target.command);
    if (target.command.empty())
      reader.report(command->source(), "command", "needs at least the program");
  }
  reader.list("files", [&](const toml::node& element) {
    target.files.push_back(reader.string_of(element, "files").value_or(""));
    if (!plain_name(target.files.back())) {
      reader.report(element.source(), "files",
                    "must name files beside the scenario, without a folder");
    }
  });
  reader.refuse_unknown();
  out.push_back(std::move(target));
}

void read_targets(Reader& reader, const std::string& file, std::optional<Error>& error,
                  std::vector<Target>& out) {
  reader.list("target", [&](const toml::node& element) {
    if (const toml::table* table = element.as_table()) {
      read_target(*table, file, error, out);
    } else {
      reader.report(element.source(), "target", "must be a table: write [[target]]");
    }
  });
}

}  // namespace

Result<Scenario> parse_scenario(const std::string& text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& problem = parsed.error();
    return fail(EINVAL,
                fmt::format("{}:{}: {}", file, problem.source().begin.line, problem.description()));
  }
  Scenario scenario;
  scenario.file = file;
  std::optional<Error> error;
  Reader reader(parsed.table(), "", file, error);
  read_name(reader, "name", scenario.name);
  if (const toml::table* sweep = reader.table("sweep"))
    read_sweep(reader, *sweep, file, error, scenario.sweep);
  read_mixes(reader, scenario.mixes);
  if (!scenario.mixes.empty()) read_name(reader, "server", scenario.server);
  read_connections(reader, scenario.connections);
  reader.integer("repetitions", 1, 1000, scenario.repetitions);
  reader.integer("seconds", 1, 3600, scenario.seconds);
  if (const toml::table* load = reader.table("load")) read_load(*load, file, error, scenario.load);
  if (const toml::table* expect = reader.table("expect"))
    read_expect(*expect, file, error, scenario.expect);
  read_targets(reader, file, error, scenario.targets);
  if (scenario.mixes.empty()) {
    reader.find("server");
    if (scenario.targets.empty())
      reader.report(parsed.table().source(), "mixes", "is missing, and there is no target");
  }
  reader.refuse_unknown();
  if (error) return fail(error->code, error->text);
  return scenario;
}

Result<Scenario> load_scenario(const std::string& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return fail(EISDIR, fmt::format("{} is a folder, not a scenario", file));
  }
  errno = 0;
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) {
    const int code = errno != 0 ? errno : EIO;
    return fail(code, fmt::format("cannot read the scenario {}: {}", file, strerror(code)));
  }
  return parse_scenario(text.str(), file);
}

}  // namespace gatio::harness
