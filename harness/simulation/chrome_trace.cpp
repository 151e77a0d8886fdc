#include "harness/simulation/chrome_trace.hpp"

#include <liburing.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace gatio::harness {
namespace {

using fakes::Happening;
using fakes::TraceEntry;
using nlohmann::json;

double us(uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

class ChromeTrace {
 public:
  ChromeTrace(const std::vector<std::string>& threads, const std::string& title) {
    events_.push_back(
        {{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", title}}}});
    for (size_t i = 0; i < threads.size(); ++i) {
      events_.push_back({{"name", "thread_name"},
                         {"ph", "M"},
                         {"pid", 1},
                         {"tid", i},
                         {"args", {{"name", "driver " + threads[i]}}}});
    }
  }

  void add(const TraceEntry& entry) {
    switch (entry.what) {
      case Happening::switched:
        end_turn(entry.time_ns);
        end_park(entry);
        turn_ = Turn{entry.thread, entry.time_ns};
        break;
      case Happening::submitted:
        mark(entry, "submit",
             {{"ring", entry.a},
              {"request", entry.b},
              {"opcode", entry.c},
              {"descriptor", entry.d}});
        break;
      case Happening::completed:
        mark(entry, "complete",
             {{"ring", entry.a}, {"request", entry.b}, {"result", entry.c}, {"flags", entry.d}});
        break;
      case Happening::entered:
        mark(entry, "enter",
             {{"ring", entry.a}, {"submit", entry.b}, {"wait", entry.c}, {"result", entry.d}});
        break;
      case Happening::faulted:
        mark(entry, "fault", {{"what", entry.a}, {"errno", entry.b}});
        break;
      case Happening::noted:
        remarked(entry);
        break;
    }
    last_ns_ = entry.time_ns;
  }

  std::string text() {
    end_turn(last_ns_);
    return json{{"traceEvents", std::move(events_)}, {"displayTimeUnit", "ns"}}.dump();
  }

 private:
  struct Turn {
    unsigned thread = 0;
    uint64_t begin_ns = 0;
    int64_t ran = 0;
  };

  void remarked(const TraceEntry& entry) {
    switch (static_cast<Remark>(entry.a)) {
      case Remark::sent:
        mark(entry, "message sent", json::object());
        break;
      case Remark::took:
        mark(entry, "messages taken", {{"count", entry.b}});
        break;
      case Remark::finding:
        mark(entry, "FALSIFIED", {{"finding", entry.b}});
        break;
      case Remark::ran:
        if (turn_) turn_->ran = entry.b;
        break;
      case Remark::parked:
        parked_ns_[entry.thread] = entry.time_ns;
        [[fallthrough]];
      case Remark::gave_way:
        end_turn(entry.time_ns);
        break;
    }
  }

  // Virtual time passes between turns more than in them, so the tasks have their turn's whole time.
  void end_turn(uint64_t end_ns) {
    if (!turn_) return;
    slice("turn", turn_->thread, turn_->begin_ns, end_ns);
    if (turn_->ran > 0) {
      slice(turn_->ran == 1 ? "1 task" : std::to_string(turn_->ran) + " tasks", turn_->thread,
            turn_->begin_ns, end_ns);
    }
    turn_.reset();
  }

  void end_park(const TraceEntry& switched) {
    auto parked = parked_ns_.find(switched.thread);
    if (parked == parked_ns_.end()) return;
    slice("parked", switched.thread, parked->second, switched.time_ns);
    parked_ns_.erase(parked);
  }

  void slice(std::string name, unsigned thread, uint64_t begin_ns, uint64_t end_ns) {
    events_.push_back({{"name", std::move(name)},
                       {"ph", "X"},
                       {"ts", us(begin_ns)},
                       {"dur", us(end_ns - begin_ns)},
                       {"pid", 1},
                       {"tid", thread}});
  }

  void mark(const TraceEntry& entry, std::string name, json arguments) {
    events_.push_back({{"name", std::move(name)},
                       {"ph", "i"},
                       {"s", "t"},
                       {"ts", us(entry.time_ns)},
                       {"pid", 1},
                       {"tid", entry.thread},
                       {"args", std::move(arguments)}});
  }

  json events_ = json::array();
  std::optional<Turn> turn_;
  std::map<unsigned, uint64_t> parked_ns_;  // by thread, since when
  uint64_t last_ns_ = 0;
};

}  // namespace

std::string chrome_trace(const std::vector<TraceEntry>& entries,
                         const std::vector<std::string>& threads, const std::string& title) {
  ChromeTrace trace(threads, title);
  for (const TraceEntry& entry : entries) trace.add(entry);
  return trace.text();
}

}  // namespace gatio::harness
