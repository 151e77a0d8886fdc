#include "runtime/config/runtime_config.hpp"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <set>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "runtime/config/fields.hpp"
#include "runtime/config/suggest.hpp"

namespace gatio::config {
namespace {

// What is wrong with the file, in the order of its lines.
class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}

  void add(unsigned line, const std::string& key, const std::string& sentence) {
    found_.emplace(line, file_ + ":" + std::to_string(line) + ": " +
                             (key.empty() ? "" : key + ": ") + sentence);
  }
  [[nodiscard]] bool none() const { return found_.empty(); }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& [line, text] : found_) all += (all.empty() ? "" : "\n") + text;
    return all;
  }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  std::string file_;
  std::multimap<unsigned, std::string> found_;  // by line; those of one line as they were found
};

const char* type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return node.is_array_of_tables() ? "an array of tables" : "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating-point number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

// Reads the known keys of one table ("buffers.count" reaches into a table in it); finish() then
// complains of every key that nobody asked for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string name, Problems& problems)
      : table_(table), name_(std::move(name)), problems_(problems) {}

  template <typename Number>
  void number(const std::string& key, Number& out, Range range) {
    const toml::node* node = find(key);
    if (!node) return;
    if (!node->is_integer())
      return wrong_type(
          key, *node,
          "an integer from " + std::to_string(range.low) + " to " + std::to_string(range.high));
    int64_t value = node->as_integer()->get();
    if (value < 0 || !range.holds(value))
      return problem(key, out_of_range(std::to_string(value), range));
    out = static_cast<Number>(value);
  }

  void flag(const std::string& key, bool& out) {
    const toml::node* node = find(key);
    if (!node) return;
    if (!node->is_boolean()) return wrong_type(key, *node, "true or false");
    out = node->as_boolean()->get();
  }

  // Whether there was a string.
  bool text(const std::string& key, std::string& out) {
    const toml::node* node = find(key);
    if (!node) return false;
    if (!node->is_string()) {
      wrong_type(key, *node, "a string");
      return false;
    }
    out = node->as_string()->get();
    return true;
  }

  void texts(const std::string& key, std::vector<std::string>& out) {
    const toml::node* node = find(key);
    if (!node) return;
    if (!node->is_array()) return wrong_type(key, *node, "an array of strings");
    for (const toml::node& each : *node->as_array()) {
      if (!each.is_string()) return wrong_type(key, each, "an array of strings");
      out.push_back(each.as_string()->get());
    }
  }

  // The value at the key, which is a known one from now on.
  const toml::node* find(const std::string& key) {
    known_.insert(key);
    return look(key);
  }

  void wrong_type(const std::string& key, const toml::node& node, const std::string& wanted) {
    problem(key, wanted + " is expected, but this is " + type_name(node));
  }

  void problem(const std::string& key, const std::string& sentence) {
    const toml::node* node = look(key);
    problems_.add((node ? *node : table_).source().begin.line, full(key), sentence);
  }

  [[nodiscard]] unsigned line() const { return table_.source().begin.line; }

  void finish() { finish(table_, ""); }

 private:
  const toml::node* look(const std::string& key) const {
    size_t dot = key.find('.');
    const toml::node* node = table_.get(key.substr(0, dot));
    if (dot == key.npos || !node || !node->is_table()) return dot == key.npos ? node : nullptr;
    return node->as_table()->get(key.substr(dot + 1));
  }

  // `prefix` is empty or ends in a dot.
  void finish(const toml::table& table, const std::string& prefix) {
    std::vector<std::string> siblings = names_under(prefix);
    std::vector<std::string_view> views(siblings.begin(), siblings.end());
    for (const auto& [key, node] : table) {
      std::string path = prefix + std::string(key.str());
      if (known_.contains(path)) continue;
      if (names_under(path + ".").empty()) {
        problems_.add(key.source().begin.line, full(path), unknown_among(key.str(), views));
      } else if (node.is_table()) {
        finish(*node.as_table(), path + ".");
      } else {
        wrong_type(
            path, node,
            "a table, as in " + path + " = { " + names_under(path + ".").front() + " = ... },");
      }
    }
  }

  // "count" and "size" under "buffers.", "buffers" itself under "".
  std::vector<std::string> names_under(const std::string& prefix) const {
    std::set<std::string> names;
    for (const std::string& key : known_)
      if (key.starts_with(prefix))
        names.insert(key.substr(prefix.size(), key.find('.', prefix.size()) - prefix.size()));
    return {names.begin(), names.end()};
  }

  std::string full(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }

  const toml::table& table_;
  std::string name_;
  Problems& problems_;
  std::set<std::string> known_;
};

void read_runtime(TableReader reader, RuntimeConfig& config) {
  reader.text("topology", config.topology);
  reader.text("placement", config.placement);
  reader.texts("without", config.without);
  each_number(config, [&](const char* key, unsigned& value, Range range) {
    reader.number(key, value, range);
  });
  reader.finish();
  for (const Invalid& each : validate(config)) reader.problem(each.key, each.sentence);
}

void read_tpc(TableReader reader, TpcConfig& tpc) {
  if (const toml::node* nodes = reader.find("nodes")) {
    const toml::array* array = nodes->as_array();
    auto is_node = [](const toml::node& node) {
      return node.is_integer() && node.as_integer()->get() >= 0 &&
             kNodeNumber.holds(node.as_integer()->get());
    };
    if (!array || array->empty() || !std::ranges::all_of(*array, is_node)) {
      reader.problem(
          "nodes",
          "an array of node numbers is expected, as in [0, 1]; leave it out to mean every node");
    } else {
      for (const toml::node& each : *array)
        tpc.nodes.push_back(static_cast<unsigned>(each.as_integer()->get()));
    }
  }
  std::string text;
  if (reader.text("drivers", text)) {
    auto mix = parse_mix(text);
    if (mix) {
      tpc.drivers = *mix;
    } else {
      reader.problem("drivers", mix.error().text);
    }
    if (mix && mix->nodes.front().node && !tpc.nodes.empty())
      reader.problem("drivers", "mix '" + text + "' names its nodes, so `nodes` has to go");
  }
  reader.finish();
}

std::optional<DriverName> parse_driver(const std::string& text) {
  DriverName driver;
  const char* end = text.data() + text.size();
  auto node = std::from_chars(text.data(), end, driver.node);
  if (node.ec != std::errc() || node.ptr == end || *node.ptr != '/') return {};
  auto index = std::from_chars(node.ptr + 1, end, driver.index);
  if (index.ec != std::errc() || index.ptr != end) return {};
  return driver;
}

void read_driver_set(TableReader& reader, DriverSet& drivers) {
  const toml::node* node = reader.find("drivers");
  if (!node || (node->is_string() && node->as_string()->get() == "io")) return;
  constexpr const char* kWanted =
      "\"io\" or an array of node/driver is expected, as in [\"0/0\", \"0/2\"]";
  if (!node->is_array()) return reader.problem("drivers", kWanted);
  drivers.all_io = false;
  for (const toml::node& each : *node->as_array()) {
    auto driver = each.is_string() ? parse_driver(each.as_string()->get()) : std::nullopt;
    if (!driver) return reader.problem("drivers", kWanted);
    drivers.names.push_back(*driver);
  }
}

void read_listener(TableReader reader, ListenerConfig& listener) {
  reader.text("name", listener.name);
  reader.text("address", listener.address);
  reader.number("port", listener.port, kPort);
  std::string transport = "tcp";
  reader.text("transport", transport);
  if (transport != "tcp" && transport != "udp")
    reader.problem("transport", quoted(transport) + " is unknown; \"tcp\" or \"udp\" is expected");
  listener.transport = transport == "udp" ? Transport::udp : Transport::tcp;
  reader.text("protocol", listener.protocol);
  reader.text("handler", listener.handler);
  read_driver_set(reader, listener.drivers);
  each_flag(listener, [&](const char* key, bool& value) { reader.flag(key, value); });
  each_number(listener, [&](const char* key, unsigned& value, Range range) {
    reader.number(key, value, range);
  });
  if (!reader.find("port"))
    reader.problem("port", "is missing; write a number, or 0 for one that the kernel chooses");
  reader.finish();
  for (const Invalid& each : validate(listener)) reader.problem(each.key, each.sentence);
}

// Calls read(table) for each [[name]].
template <typename Read>
void each_table(TableReader& root, const std::string& name, Read&& read) {
  const toml::node* node = root.find(name);
  if (!node) return;
  const toml::array* array = node->as_array();
  if (!array ||
      !std::ranges::all_of(*array, [](const toml::node& each) { return each.is_table(); }))
    return root.problem(name, "write [[" + name + "]], with two brackets, before each one's keys");
  for (const toml::node& each : *array) read(*each.as_table());
}

RuntimeConfig read_root(const toml::table& table, Problems& problems) {
  RuntimeConfig config;
  TableReader root(table, "", problems);
  if (const toml::node* runtime = root.find("runtime")) {
    if (runtime->is_table()) {
      read_runtime(TableReader(*runtime->as_table(), "runtime", problems), config);
    } else {
      root.problem("runtime", "write [runtime], in one pair of brackets, before its keys");
    }
  }
  each_table(root, "tpc", [&](const toml::table& each) {
    TpcConfig& tpc = config.tpcs.emplace_back();
    tpc.declared = {problems.file(), each.source().begin.line};
    read_tpc(TableReader(each, "tpc", problems), tpc);
  });
  each_table(root, "listener", [&](const toml::table& each) {
    ListenerConfig& listener = config.listeners.emplace_back();
    listener.declared = {problems.file(), each.source().begin.line};
    read_listener(TableReader(each, "listener", problems), listener);
  });
  root.finish();
  return config;
}

}  // namespace

const std::vector<std::string_view>& placement_names() {
  static const std::vector<std::string_view> names{"best", "least_work", "affinity", "round_robin",
                                                   "two_choices"};
  return names;
}

std::vector<Invalid> validate(const RuntimeConfig& config) {
  std::vector<Invalid> found;
  if (std::ranges::count(placement_names(), config.placement) == 0)
    found.push_back({"placement", quoted(config.placement) + " is " +
                                      unknown_among(config.placement, placement_names())});
  each_number(config, [&](const char* key, unsigned value, Range range) {
    if (!range.holds(value)) found.push_back({key, out_of_range(std::to_string(value), range)});
  });
  if (config.cq_entries < config.sq_entries)
    found.push_back(
        {"cq_entries", std::to_string(config.cq_entries) + " is less than sq_entries (" +
                           std::to_string(config.sq_entries) + "), which io_uring refuses"});
  return found;
}

Result<RuntimeConfig> parse(std::string_view text, std::string_view file_name) {
  Problems problems(file_name);
  toml::parse_result parsed = toml::parse(text, file_name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    problems.add(error.source().begin.line, "", std::string(error.description()));
    return fail(0, problems.text());
  }
  RuntimeConfig config = read_root(parsed.table(), problems);
  if (!problems.none()) return fail(0, problems.text());
  return config;
}

Result<RuntimeConfig> load(const std::string& path) {
  std::string text;
  std::FILE* file = std::fopen(path.c_str(), "re");
  int code = file ? 0 : errno;
  char block[4096];
  for (size_t bytes = 1; file && bytes > 0;) {
    bytes = std::fread(block, 1, sizeof block, file);
    text.append(block, bytes);
    if (std::ferror(file)) code = errno;  // a directory opens well and fails at the first byte
  }
  if (file) std::fclose(file);
  if (code != 0) return fail(code, path + ": cannot be read: " + strerrordesc_np(code));
  return parse(text, path);
}

}  // namespace gatio::config
