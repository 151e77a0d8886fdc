#include "harness/usage.hpp"

#include <dirent.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace gatio::harness {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The number after `label`, 0 when it is not there.
uint64_t number_after(std::string_view text, std::string_view label) {
  const size_t at = text.find(label);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + label.size());
  text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The process group from /proc/PID/stat; the program's name before it may hold blanks and brackets.
pid_t group_of(const std::string& folder) {
  const std::string text = read_all(folder + "/stat");
  const size_t bracket = text.rfind(')');
  if (bracket == std::string::npos) return -1;
  std::istringstream fields(text.substr(bracket + 1));
  char state = 0;
  pid_t parent = 0;
  pid_t group = -1;
  fields >> state >> parent >> group;
  return group;
}

// The entries of a folder in /proc that are numbers. What ends while we read is left out; the
// standard library's iterator would throw.
std::vector<pid_t> numbers_in(const std::string& folder) {
  std::vector<pid_t> numbers;
  DIR* open = opendir(folder.c_str());
  if (open == nullptr) return numbers;
  while (const dirent* entry = readdir(open)) {
    if (const pid_t number = atoi(entry->d_name); number > 0) numbers.push_back(number);
  }
  closedir(open);
  return numbers;
}

uint64_t context_switches(const std::string& folder) {
  uint64_t sum = 0;
  for (const pid_t task : numbers_in(folder + "/task")) {
    const std::string status = read_all(folder + "/task/" + std::to_string(task) + "/status");
    sum += number_after(status, "\nvoluntary_ctxt_switches:") +
           number_after(status, "\nnonvoluntary_ctxt_switches:");
  }
  return sum;
}

}  // namespace

GroupUsage group_usage(pid_t group) {
  GroupUsage usage;
  for (const pid_t pid : numbers_in("/proc")) {
    const std::string folder = "/proc/" + std::to_string(pid);
    if (group_of(folder) != group) continue;
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) continue;
    ++usage.processes;
    usage.cpu_ns +=
        static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
    usage.context_switches += context_switches(folder);
  }
  return usage;
}

MachineUsage machine_usage() {
  MachineUsage usage;
  const std::string pressure = read_all("/proc/pressure/cpu");
  if (pressure.starts_with("some")) usage.stall_us = number_after(pressure, "total=");
  std::ifstream stat("/proc/stat");
  std::string label;
  stat >> label;
  for (unsigned field = 0; field < 8; ++field) {  // user nice system idle iowait irq softirq steal
    uint64_t ticks = 0;
    stat >> ticks;
    usage.all_ticks += ticks;
    if (field == 7) usage.steal_ticks = ticks;
  }
  std::ifstream("/proc/loadavg") >> usage.load_average;
  return usage;
}

Pressure pressure_between(const MachineUsage& before, const MachineUsage& after, uint64_t wall_ns) {
  Pressure pressure;
  if (before.stall_us && after.stall_us && wall_ns > 0) {
    pressure.stall_percent = static_cast<double>(*after.stall_us - *before.stall_us) * 1e5 /
                             static_cast<double>(wall_ns);
  }
  if (after.all_ticks > before.all_ticks) {
    pressure.steal_percent = 100.0 * static_cast<double>(after.steal_ticks - before.steal_ticks) /
                             static_cast<double>(after.all_ticks - before.all_ticks);
  }
  pressure.load_average = after.load_average;
  return pressure;
}

}  // namespace gatio::harness
