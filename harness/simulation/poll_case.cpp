// The case "poll": poll streams of descriptors, intervals and signals, while tasks signal them.
#include <poll.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <vector>

#include "harness/simulation/more_cases.hpp"
#include "harness/simulation/shape.hpp"
#include "runtime/driver/poll_stream.hpp"
#include "runtime/driver/signals.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/task/scope.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using std::chrono::microseconds;

Task<void> next_into(PollStream& stream, Result<uint32_t>& into) {
  into = co_await stream.next();
}

class PollRun {
 public:
  PollRun(Simulation& simulation, fakes::Choices& choices)
      : simulation_(simulation), choices_(choices) {
    pairs_ = 1 + choose(3);
    signals_ = choose(4);
    ticks_ = choose(6);
    impatient_ = choices.one_in(ChoiceKind::program, 3);
    simulation.runtime().on_start([this]() -> Task<void> {
      co_await with_scope([this](Scope& scope) -> Task<void> {
        for (unsigned i = 0; i < pairs_; ++i) spawn(scope, [this] { return watch(); });
        if (signals_ > 0) spawn(scope, [this] { return take_signals(); });
        if (ticks_ > 0) spawn(scope, [this] { return count_ticks(); });
        co_return;
      });
      done_ = true;
      simulation_.runtime().shutdown();
    });
  }

  void check() {
    if (!done_) simulation_.falsify("S1: the tasks did not come to their end");
  }
  [[nodiscard]] std::string text() const {
    return std::to_string(pairs_) + " polled descriptors, " + std::to_string(signals_) +
           " signals, " + std::to_string(ticks_) + " ticks" +
           (impatient_ ? ", waits are cancelled" : "") + "\n";
  }

 private:
  uint32_t choose(uint32_t bound) { return choices_.choose(ChoiceKind::program, bound); }
  void spawn(Scope& scope, auto body) {
    if (!scope.spawn(body)) simulation_.falsify("S15: a spawn was refused without a fault");
  }

  // Signals an eventfd some times, and waits until the watcher has an event after the last one.
  Task<void> watch() {
    Kernel& kernel = Driver::current()->kernel();
    int fd = kernel.event_fd();
    if (fd < 0) co_return simulation_.falsify("S12: no eventfd without a fault");
    Result<PollStream> stream = PollStream::open(fd, POLLIN);
    if (!stream) {
      simulation_.falsify("S14: a poll stream could not be opened: " + stream.error().message());
    } else {
      co_await give_up(fd);
      unsigned wanted = 1 + choose(5);
      unsigned made = 0;
      co_await with_scope([&](Scope& scope) -> Task<void> {
        spawn(scope, [&]() -> Task<void> {
          for (; made < wanted; ++made) {
            (void)co_await sleep_for(microseconds(choose(60)));
            kernel.event_signal(fd);
          }
        });
        co_await consume(*stream, made, wanted);
      });
    }
    // The descriptor is the caller's, and goes after the stream.
    { Result<PollStream> ended = std::move(stream); }
    kernel.close(fd);
  }

  // Streams that are closed about when the kernel sees that they were opened.
  Task<void> give_up(int fd) {
    std::vector<Result<PollStream>> streams;
    for (unsigned i = choose(5); i > 0; --i) streams.push_back(PollStream::open(fd, POLLIN));
    if (choose(2) == 1) (void)co_await sleep_for(microseconds(1));
    Sometimes::hit("a poll stream is given up", streams.size());
  }

  Task<void> consume(PollStream& stream, const unsigned& made, unsigned wanted) {
    unsigned seen = 0;
    while (seen < wanted) {
      Result<uint32_t> events = fail(ETIMEDOUT);
      if (impatient_) {
        (void)co_await with_deadline(microseconds(1 + choose(50)), next_into(stream, events));
        if (!events && events.error().code == ECANCELED) {
          Sometimes::hit("a wait for events is cancelled");
          continue;
        }
      } else {
        events = co_await stream.next();
      }
      if (!events)
        co_return simulation_.falsify("S14: a poll stream failed: " + events.error().message());
      if (*events != POLLIN)
        simulation_.falsify("S14: events that nobody asked for: " + std::to_string(*events));
      Sometimes::hit("a poll stream has an event");
      Simulation::operation_done();
      seen = made;
    }
  }

  // A signal that is raised while it is pending is lost, as on Linux; the last one is not.
  Task<void> take_signals() {
    Result<SignalStream> stream = SignalStream::open({SIGUSR1});
    if (!stream)
      co_return simulation_.falsify("S14: signals cannot be watched: " + stream.error().message());
    for (unsigned i = 0; i < signals_; ++i) {
      (void)co_await sleep_for(microseconds(choose(60)));
      simulation_.kernel().raise_signal(SIGUSR1);
      Result<int> signal = co_await stream->next();
      if (!signal || *signal != SIGUSR1)
        co_return simulation_.falsify("S14: a signal was not delivered as itself");
      Sometimes::hit("a signal is delivered");
    }
  }

  Task<void> count_ticks() {
    const uint64_t period_ns = 1'000 * (5 + choose(40));
    Interval interval{std::chrono::nanoseconds(period_ns)};
    uint64_t begun_ns = Driver::current()->fresh_ns();
    uint64_t passed = 0;
    for (unsigned i = 0; i < ticks_; ++i) {
      if (choose(3) == 0) (void)co_await sleep_for(microseconds(choose(200)));
      Result<uint64_t> periods = co_await interval.next();
      if (!periods || *periods == 0)
        co_return simulation_.falsify("S7: an interval ended without a period");
      if (*periods > 1) Sometimes::hit("an interval skips periods");
      passed += *periods;
      uint64_t elapsed_ns = Driver::current()->fresh_ns() - begun_ns;
      if (passed * period_ns > elapsed_ns)
        simulation_.falsify("S7: an interval was ahead of its time");
    }
  }

  Simulation& simulation_;
  fakes::Choices& choices_;
  unsigned pairs_ = 0;
  unsigned signals_ = 0;
  unsigned ticks_ = 0;
  bool impatient_ = false;
  bool done_ = false;
};

}  // namespace

CaseResult run_poll(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  if (shape.faulty) {
    shape.simulation.faults = {.enter_eintr = 8, .enter_busy = 2};
    shrink_rings(shape);
  }
  Simulation simulation(choices, shape.simulation, shape.runtime);
  keep_trace(simulation, choices, options);
  uint64_t begun_ns = simulation.world().now_ns;
  auto run = std::make_unique<PollRun>(simulation, choices);
  Result<void> ran = simulation.run();
  if (!ran) simulation.falsify("S12: the run failed: " + ran.error().message());
  if (simulation.ended()) run->check();
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = run->text();
  if (!simulation.ended()) static_cast<void>(run.release());  // Its tasks live on.
  return result;
}

}  // namespace gatio::harness
