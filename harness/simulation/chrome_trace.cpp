#include "harness/simulation/chrome_trace.hpp"

#include <liburing.h>

#include <nlohmann/json.hpp>

namespace gatio::harness {
namespace {

using fakes::Happening;
using nlohmann::json;

double us(uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

json mark(const fakes::TraceEntry& entry, std::string name, json arguments) {
  return {{"name", std::move(name)},     {"ph", "i"}, {"s", "t"},
          {"ts", us(entry.time_ns)},     {"pid", 1},  {"tid", entry.thread},
          {"args", std::move(arguments)}};
}

json slice(unsigned thread, uint64_t begin_ns, uint64_t end_ns) {
  return {{"name", "turn"}, {"ph", "X"},    {"ts", us(begin_ns)}, {"dur", us(end_ns - begin_ns)},
          {"pid", 1},       {"tid", thread}};
}

}  // namespace

std::string chrome_trace(const std::vector<fakes::TraceEntry>& entries,
                         const std::vector<std::string>& threads, const std::string& title) {
  json events = json::array();
  events.push_back(
      {{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", title}}}});
  for (size_t i = 0; i < threads.size(); ++i) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 1},
                      {"tid", i},
                      {"args", {{"name", "driver " + threads[i]}}}});
  }
  const fakes::TraceEntry* turn = nullptr;
  for (const fakes::TraceEntry& entry : entries) {
    switch (entry.what) {
      case Happening::switched:
        if (turn != nullptr) events.push_back(slice(turn->thread, turn->time_ns, entry.time_ns));
        turn = &entry;
        break;
      case Happening::submitted:
        events.push_back(mark(entry, "submit",
                              {{"ring", entry.a},
                               {"request", entry.b},
                               {"opcode", entry.c},
                               {"descriptor", entry.d}}));
        break;
      case Happening::completed:
        events.push_back(mark(
            entry, "complete",
            {{"ring", entry.a}, {"request", entry.b}, {"result", entry.c}, {"flags", entry.d}}));
        break;
      case Happening::entered:
        events.push_back(
            mark(entry, "enter",
                 {{"ring", entry.a}, {"submit", entry.b}, {"wait", entry.c}, {"result", entry.d}}));
        break;
      case Happening::faulted:
        events.push_back(mark(entry, "fault", {{"what", entry.a}, {"errno", entry.b}}));
        break;
      case Happening::noted:
        events.push_back(mark(entry, "note", {{"a", entry.a}, {"b", entry.b}}));
        break;
    }
  }
  if (turn != nullptr && !entries.empty())
    events.push_back(slice(turn->thread, turn->time_ns, entries.back().time_ns));
  return json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ns"}}.dump();
}

}  // namespace gatio::harness
