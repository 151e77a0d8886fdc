#include "harness/campaign.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>

#include "harness/distribution.hpp"
#include "harness/simulation/simulation.hpp"
#include "runtime/base/assert.hpp"

namespace gatio::harness {
namespace {

constexpr unsigned kMostWorkers = 256;
constexpr unsigned kBatch = 32;  // seeds that a worker takes at a time
constexpr unsigned kMostSecondsOfARun = 20;

// Each worker writes its own; the parent reads when the worker has ended, or for the progress.
struct WorkerState {
  std::atomic<uint64_t> running_seed;  // 0: none yet
  std::atomic<uint64_t> runs;
  uint64_t steps, preemptions, cqes, faults, events, virtual_ns, hash, choices;
  Distribution runs_by_choices, runs_by_steps, runs_by_cqes, runs_by_preemptions, runs_by_faults;
  SavedHits hits;
};

struct Shared {
  // Seeds are counted from the first one: the last may be the greatest there is. The next that
  // nobody has taken; relaxed, for no other memory depends on it.
  std::atomic<uint64_t> next;
  // From here on none is run. Relaxed as well: whoever sees it stops a little later.
  std::atomic<uint64_t> end;
  WorkerState workers[kMostWorkers];
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void count(WorkerState& state, const CaseResult& result) {
  state.steps += result.steps;
  state.preemptions += result.preemptions;
  state.cqes += result.cqes;
  state.faults += result.faults;
  state.events += result.events;
  state.virtual_ns += result.virtual_ns;
  state.hash += result.trace_hash;
  state.choices += result.choices;
  state.runs_by_choices.add(result.choices);
  state.runs_by_steps.add(result.steps);
  state.runs_by_cqes.add(result.cqes);
  state.runs_by_preemptions.add(result.preemptions);
  state.runs_by_faults.add(result.faults);
  state.runs.fetch_add(1, std::memory_order_relaxed);
}

// A finding, like an abort, leaves the seed in running_seed: the parent runs it again.
[[noreturn]] void work(const CampaignOptions& options, Shared& shared, WorkerState& state) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Every run takes and frees the same few megabytes: they are to stay with the process.
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  // What a run says when it fails it says again. Without a descriptor it is said twice.
  if (int null = open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0) dup2(null, STDERR_FILENO);
  for (bool goes_on = true; goes_on;) {
    uint64_t first = shared.next.fetch_add(kBatch, std::memory_order_relaxed);
    for (uint64_t number = first; number < first + kBatch; ++number) {
      goes_on = number < shared.end.load(std::memory_order_relaxed);
      if (!goes_on) break;
      uint64_t seed = options.first_seed + number;
      state.running_seed.store(seed, std::memory_order_relaxed);
      alarm(kMostSecondsOfARun);
      fakes::Choices choices(seed);
      choices.record(false);
      CaseResult result = case_of(options, seed).run(choices, options.options);
      if (!result.findings.empty()) _exit(1);
      count(state, result);
    }
  }
  state.hits.save();
  _exit(0);
}

class Campaign {
 public:
  Campaign(const CampaignOptions& options, const Interrupt& interrupt)
      : options_(options), interrupt_(interrupt) {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    GATIO_ASSERT(memory != MAP_FAILED);
    shared_ = static_cast<Shared*>(memory);
    shared_->end.store(options.last_seed - options.first_seed + 1, std::memory_order_relaxed);
  }
  ~Campaign() { munmap(shared_, sizeof(Shared)); }

  CampaignResult run() {
    unsigned workers = std::min(options_.workers, kMostWorkers);
    for (unsigned i = 0; i < workers; ++i) {
      pid_t pid = fork();
      GATIO_ASSERT(pid >= 0);
      if (pid == 0) work(options_, *shared_, shared_->workers[i]);
      workers_.push_back({pid, i});
    }
    while (!workers_.empty()) {
      reap();
      show_progress();
      if (interrupt_.wait(-1, 20) == Interrupt::Woken::kInterrupt) {
        result_.interrupted = true;
        end_at(0);
        while (!workers_.empty()) {
          reap();
          usleep(10'000);
        }
      }
      if (options_.minutes && seconds_since(start_) > 60 * *options_.minutes) end_at(0);
    }
    if (shows_) fprintf(stderr, "\r\033[K");
    gather();
    return result_;
  }

 private:
  // Only this process lowers it.
  void end_at(uint64_t number) {
    if (number < shared_->end.load(std::memory_order_relaxed))
      shared_->end.store(number, std::memory_order_relaxed);
  }

  void reap() {
    for (size_t i = 0; i < workers_.size();) {
      int status = 0;
      pid_t ended = waitpid(workers_[i].pid, &status, WNOHANG);
      if (ended == 0 || (ended < 0 && errno == EINTR)) {
        ++i;
        continue;
      }
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        note_failure(shared_->workers[workers_[i].number]);
      workers_.erase(workers_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  // Of several the lowest seed, so that the same campaign says the same again: those below this one
  // have been taken, as batches go up, and are still run.
  void note_failure(const WorkerState& worker) {
    uint64_t seed = worker.running_seed.load(std::memory_order_relaxed);
    end_at(seed - options_.first_seed);
    if (!result_.failure || seed < result_.failure->seed)
      result_.failure = {&case_of(options_, seed), seed};
  }

  void show_progress() {
    if (!shows_) return;
    uint64_t runs = 0;
    for (const WorkerState& worker : shared_->workers)
      runs += worker.runs.load(std::memory_order_relaxed);
    double seconds = seconds_since(start_);
    fprintf(stderr, "\r\033[K%lu of %lu seeds, %.0f seeds/s", static_cast<unsigned long>(runs),
            static_cast<unsigned long>(options_.last_seed - options_.first_seed + 1),
            static_cast<double>(runs) / std::max(seconds, 0.001));
  }

  void gather() {
    result_.seconds = seconds_since(start_);
    auto all = std::make_unique<WorkerState>();
    for (const WorkerState& worker : shared_->workers) {
      result_.runs += worker.runs.load(std::memory_order_relaxed);
      result_.steps += worker.steps;
      result_.preemptions += worker.preemptions;
      result_.cqes += worker.cqes;
      result_.faults += worker.faults;
      result_.events += worker.events;
      result_.virtual_seconds += static_cast<double>(worker.virtual_ns) * 1e-9;
      result_.hash += worker.hash;
      result_.choices += worker.choices;
      all->runs_by_choices.add(worker.runs_by_choices);
      all->runs_by_steps.add(worker.runs_by_steps);
      all->runs_by_cqes.add(worker.runs_by_cqes);
      all->runs_by_preemptions.add(worker.runs_by_preemptions);
      all->runs_by_faults.add(worker.runs_by_faults);
      worker.hits.add_to(result_.sometimes);
    }
    result_.median = {.choices = all->runs_by_choices.median(),
                      .steps = all->runs_by_steps.median(),
                      .cqes = all->runs_by_cqes.median(),
                      .preemptions = all->runs_by_preemptions.median(),
                      .faults = all->runs_by_faults.median()};
  }

  const CampaignOptions& options_;
  const Interrupt& interrupt_;
  Shared* shared_;
  struct Worker {
    pid_t pid;
    unsigned number;
  };
  std::vector<Worker> workers_;
  CampaignResult result_;
  const bool shows_ = isatty(STDERR_FILENO) == 1;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

CampaignResult run_campaign(const CampaignOptions& options, const Interrupt& interrupt) {
  return Campaign(options, interrupt).run();
}

}  // namespace gatio::harness
