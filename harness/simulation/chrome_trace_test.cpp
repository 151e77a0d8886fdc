// The trace of a run is JSON that a viewer of Chrome traces opens: a row with a name for each
// driver, turns as slices, all else as marks.
#include "harness/simulation/chrome_trace.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/simulation/isolated.hpp"

namespace gatio::harness {
namespace {

using fakes::Happening;
using nlohmann::json;

TEST(ChromeTrace, NamesRowsAndMeasuresTurns) {
  std::vector<fakes::TraceEntry> entries = {
      {.what = Happening::switched, .thread = 0, .time_ns = 1'000},
      {.what = Happening::submitted, .thread = 0, .time_ns = 1'500, .a = 3, .b = 4, .c = 5, .d = 6},
      {.what = Happening::switched, .thread = 1, .time_ns = 4'000},
      {.what = Happening::completed, .thread = 1, .time_ns = 6'000, .a = 3, .b = 4, .c = -11},
  };
  json trace = json::parse(chrome_trace(entries, {"0/0", "0/1"}, "a \"title\""));
  std::map<unsigned, std::string> rows;
  std::vector<json> turns;
  std::map<std::string, json> marks;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == "M" && event["name"] == "thread_name")
      rows[event["tid"]] = event["args"]["name"];
    if (event["ph"] == "M" && event["name"] == "process_name") {
      EXPECT_EQ(event["args"]["name"], "a \"title\"");
    }
    if (event["ph"] == "X") turns.push_back(event);
    if (event["ph"] == "i") marks[event["name"]] = event;
  }
  EXPECT_EQ(rows, (std::map<unsigned, std::string>{{0, "driver 0/0"}, {1, "driver 0/1"}}));
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[0]["tid"], 0);
  EXPECT_DOUBLE_EQ(turns[0]["ts"], 1.0);
  EXPECT_DOUBLE_EQ(turns[0]["dur"], 3.0);
  EXPECT_EQ(turns[1]["tid"], 1);
  EXPECT_DOUBLE_EQ(turns[1]["dur"], 2.0);
  EXPECT_EQ(marks["submit"]["args"]["opcode"], 5);
  EXPECT_EQ(marks["complete"]["args"]["result"], -11);
}

TEST(ChromeTrace, ShowsTasksMessagesAndParkedDrivers) {
  auto remark = [](uint64_t time_ns, Remark what, int64_t count) {
    return fakes::TraceEntry{.what = Happening::noted,
                             .thread = 1,
                             .time_ns = time_ns,
                             .a = static_cast<int64_t>(what),
                             .b = count};
  };
  std::vector<fakes::TraceEntry> entries = {
      {.what = Happening::switched, .thread = 1, .time_ns = 1'000},
      remark(1'500, Remark::sent, 1),
      remark(3'000, Remark::took, 2),
      remark(3'000, Remark::ran, 4),
      remark(3'000, Remark::finding, 1),
      remark(3'000, Remark::parked, 0),
      {.what = Happening::switched, .thread = 0, .time_ns = 5'000},
      {.what = Happening::switched, .thread = 1, .time_ns = 9'000},
  };
  json trace = json::parse(chrome_trace(entries, {"0/0", "0/1"}, ""));
  std::map<std::string, json> first;
  for (const json& event : trace["traceEvents"]) first.try_emplace(event["name"], event);
  EXPECT_DOUBLE_EQ(first["turn"]["dur"], 2.0);
  EXPECT_EQ(first["FALSIFIED"]["args"]["finding"], 1);
  EXPECT_DOUBLE_EQ(first["4 tasks"]["ts"], 1.0);
  EXPECT_DOUBLE_EQ(first["4 tasks"]["dur"], 2.0);
  EXPECT_DOUBLE_EQ(first["parked"]["ts"], 3.0);
  EXPECT_DOUBLE_EQ(first["parked"]["dur"], 6.0);
  EXPECT_EQ(first["parked"]["tid"], 1);
  EXPECT_DOUBLE_EQ(first["message sent"]["ts"], 1.5);
  EXPECT_EQ(first["messages taken"]["args"]["count"], 2);
}

TEST(ChromeTrace, OfAWholeRunHasEveryDriver) {
  std::string path = testing::TempDir() + "/gatio-trace-" + std::to_string(getpid()) + ".json";
  ASSERT_TRUE(write_trace_isolated(*find_case("serve"), fakes::Choices(3), {}, path));
  json trace = json::parse(std::ifstream(path));
  std::filesystem::remove(path);
  std::set<int> named;
  std::set<int> used;
  std::set<std::string> seen;
  for (const json& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") named.insert(event["tid"].get<int>());
    if (event["ph"] == "X") used.insert(event["tid"].get<int>());
    seen.insert(event["name"].get<std::string>());
  }
  for (const char* name : {"turn", "1 task", "parked", "message sent", "messages taken"})
    EXPECT_TRUE(seen.contains(name)) << name;
  EXPECT_FALSE(used.empty());
  EXPECT_EQ(named, used);
}

}  // namespace
}  // namespace gatio::harness
