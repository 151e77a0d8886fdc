#include "harness/simulation/isolated.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "harness/simulation/chrome_trace.hpp"
#include "harness/simulation/simulation.hpp"
#include "runtime/base/assert.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GATIO_SANITIZED 1
#include <sanitizer/common_interface_defs.h>
#endif
#endif

namespace gatio::harness {
namespace {

constexpr unsigned kMostSeconds = 20;  // of one run: it takes milliseconds
constexpr size_t kMostBytes = 64 << 20;

// What the child leaves behind for its parent: a header and the choices, in shared memory, and its
// words in a file without a name.
struct Report {
  bool has_choices;
  uint64_t choice_count;
  uint64_t trace_hash;
  bool completed;
  bool failed;
  int signal;  // that was caught; 0: none
  char kind[32];
  SavedHits hits;
  fakes::Choice choices[];
};

fakes::Choices* running_choices = nullptr;
Report* running_report = nullptr;
std::string trace_path;

void save_choices() {
  const std::vector<fakes::Choice>& made = running_choices->made();
  size_t room = (kMostBytes - sizeof(Report)) / sizeof(fakes::Choice);
  running_report->choice_count = std::min(made.size(), room);
  std::copy_n(made.begin(), running_report->choice_count, running_report->choices);
  running_report->has_choices = true;
}

bool save_trace(const std::vector<fakes::TraceEntry>& entries,
                const std::vector<std::string>& threads, const std::string& title) {
  std::ofstream file(trace_path);
  file << chrome_trace(entries, threads, title) << std::flush;
  return file.good();
}

// Memory may be in disorder, but the choices and the trace are only read.
void save_what_is_there() {
  save_choices();
  if (Simulation* run = Simulation::current(); run != nullptr && !trace_path.empty())
    save_trace(run->world().trace.entries(), run->scheduler().names(), "ended before its end");
}

void on_fatal_signal(int signal) {
  running_report->signal = signal;
  save_what_is_there();
  _exit(128 + signal);
}

// On a stack of its own: a fiber may have run out of its one.
void catch_fatal_signals() {
  static char stack[256 * 1024];
  stack_t other{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  GATIO_ASSERT(sigaltstack(&other, nullptr) == 0);
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) {
    struct sigaction action {};
    action.sa_handler = on_fatal_signal;
    action.sa_flags = SA_ONSTACK;
    sigaction(signal, &action, nullptr);
  }
#ifdef GATIO_SANITIZED
  // Whose reports end the process without a signal.
  __sanitizer_set_death_callback(save_what_is_there);
#endif
}

std::string end_of(int status, int caught_signal) {
  if (caught_signal == 0 && WIFSIGNALED(status)) caught_signal = WTERMSIG(status);
  if (caught_signal != 0) return "ended by signal " + std::to_string(caught_signal);
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

std::string kind_of(const std::string& finding) {
  return finding.substr(0, finding.find(':'));
}

[[noreturn]] void child(const Case& which, fakes::Choices& choices, const CaseOptions& options,
                        int text_fd, Report& report) {
  dup2(text_fd, STDOUT_FILENO);
  dup2(text_fd, STDERR_FILENO);
  running_choices = &choices;
  running_report = &report;
  catch_fatal_signals();
  alarm(kMostSeconds);
  Sometimes::counts().clear();
  CaseResult result = which.run(choices, options);
  save_choices();
  if (!trace_path.empty()) save_trace(result.trace, result.threads, result.shape);
  report.trace_hash = result.trace_hash;
  report.failed = !result.findings.empty();
  if (report.failed)
    strncpy(report.kind, kind_of(result.findings.front()).c_str(), sizeof report.kind - 1);
  std::string text = result.shape + "\n" + result.program;
  for (const std::string& finding : result.findings) text += finding + "\n";
  for (size_t at = 0; at < text.size();) {
    ssize_t written = write(text_fd, text.data() + at, text.size() - at);
    if (written <= 0) break;
    at += static_cast<size_t>(written);
  }
  report.hits.save();
  report.completed = true;
  _exit(0);
}

}  // namespace

IsolatedResult run_isolated(const Case& which, fakes::Choices choices, const CaseOptions& options) {
  int text_fd = memfd_create("gatio-run", MFD_CLOEXEC);
  GATIO_ASSERT(text_fd >= 0);
  void* memory = mmap(nullptr, kMostBytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  GATIO_ASSERT(memory != MAP_FAILED);
  auto* report = static_cast<Report*>(memory);
  pid_t pid = fork();
  GATIO_ASSERT(pid >= 0);
  if (pid == 0) child(which, choices, options, text_fd, *report);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  IsolatedResult result;
  result.has_choices = report->has_choices;
  result.made.assign(report->choices, report->choices + report->choice_count);
  for (const fakes::Choice& each : result.made) result.choices.push_back(each.value);
  result.trace_hash = report->trace_hash;
  report->hits.add_to(result.sometimes);
  // A sanitizer that reports and goes on gives the process another exit code in the end.
  bool came_through = report->completed && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  result.failed = report->failed || !came_through;
  if (result.failed) result.kind = report->failed ? report->kind : end_of(status, report->signal);
  off_t size = lseek(text_fd, 0, SEEK_END);
  result.text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  if (pread(text_fd, result.text.data(), result.text.size(), 0) < 0) result.text.clear();
  close(text_fd);
  munmap(memory, kMostBytes);
  return result;
}

bool write_trace_isolated(const Case& which, fakes::Choices choices, CaseOptions options,
                          const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  options.keep_trace = true;
  trace_path = path;
  static_cast<void>(run_isolated(which, std::move(choices), options));
  trace_path.clear();
  return std::filesystem::exists(path, ignored);
}

namespace {

class Shrinker {
 public:
  Shrinker(const Case& which, const IsolatedResult& failure, const CaseOptions& options,
           double most_seconds)
      : which_(which),
        options_(options),
        best_(failure),
        end_(std::chrono::steady_clock::now() +
             std::chrono::milliseconds(static_cast<int64_t>(most_seconds * 1000))) {
    trim(best_.choices);
  }

  IsolatedResult run() {
    bool better = true;
    while (better && in_time()) {
      better = calm_kinds();
      better = cut_off_end() || better;
      better = replace_blocks(true) || better;   // left out
      better = replace_blocks(false) || better;  // set to 0
      better = lower_values() || better;
    }
    return best_;
  }

 private:
  [[nodiscard]] bool in_time() const { return std::chrono::steady_clock::now() < end_; }
  // Behind the end all are 0.
  static void trim(std::vector<uint32_t>& choices) {
    while (!choices.empty() && choices.back() == 0) choices.pop_back();
  }
  bool try_list(std::vector<uint32_t> list) {
    trim(list);
    if (list == best_.choices || !in_time()) return false;
    IsolatedResult tried = run_isolated(which_, fakes::Choices(list), options_);
    if (!tried.failed || tried.kind != best_.kind) return false;
    tried.choices = std::move(list);  // What it says is what it read, not what it made.
    tried.has_choices = true;
    best_ = std::move(tried);
    return true;
  }
  // All of a kind at once, those first that say most of a schedule.
  bool calm_kinds() {
    using fakes::ChoiceKind;
    bool better = false;
    for (ChoiceKind kind : {ChoiceKind::fault, ChoiceKind::preempt, ChoiceKind::thread,
                            ChoiceKind::order, ChoiceKind::delay, ChoiceKind::amount}) {
      std::vector<uint32_t> list = best_.choices;
      for (size_t i = 0; i < std::min(list.size(), best_.made.size()); ++i) {
        if (best_.made[i].kind == kind) list[i] = 0;
      }
      better = try_list(std::move(list)) || better;
    }
    return better;
  }
  bool cut_off_end() {
    bool better = false;
    for (size_t cut = best_.choices.size(); cut > 0; cut /= 2) {
      while (best_.choices.size() >= cut) {
        std::vector<uint32_t> list = best_.choices;
        list.resize(list.size() - cut);
        if (!try_list(std::move(list))) break;
        better = true;
      }
    }
    return better;
  }
  bool replace_blocks(bool leave_out) {
    bool better = false;
    for (size_t size = std::max<size_t>(best_.choices.size() / 2, 1); size > 0; size /= 2) {
      for (size_t at = 0; at < best_.choices.size();) {
        std::vector<uint32_t> list = best_.choices;
        auto first = list.begin() + static_cast<ptrdiff_t>(at);
        auto last = list.begin() + static_cast<ptrdiff_t>(std::min(at + size, list.size()));
        if (leave_out) {
          list.erase(first, last);
        } else {
          std::fill(first, last, 0);
        }
        bool smaller = try_list(std::move(list));
        better = better || smaller;
        if (!smaller || !leave_out) at += size;
        if (!in_time()) return better;
      }
    }
    return better;
  }
  bool lower_values() {
    bool better = false;
    for (size_t at = 0; at < best_.choices.size(); ++at) {
      for (uint32_t value = 1; value < best_.choices[at]; value = value * 2 + 1) {
        std::vector<uint32_t> list = best_.choices;
        list[at] = value;
        if (try_list(std::move(list))) {
          better = true;
          break;
        }
        if (!in_time() || at >= best_.choices.size()) return better;
      }
    }
    return better;
  }

  const Case& which_;
  const CaseOptions& options_;
  IsolatedResult best_;
  const std::chrono::steady_clock::time_point end_;
};

}  // namespace

IsolatedResult shrink(const Case& which, const IsolatedResult& failure, const CaseOptions& options,
                      double most_seconds) {
  return Shrinker(which, failure, options, most_seconds).run();
}

}  // namespace gatio::harness
