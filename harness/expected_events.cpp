#include "harness/expected_events.hpp"

namespace gatio::harness {
namespace {

constexpr const char* kExpected[] = {
    // drivers
    "a parked driver is woken by another one", "a driver is interrupted while it parks",
    "an exec driver runs", "an io driver does I/O", "a CQ overflows", "messages are sent in a row",
    "a trace is checked", "a task runs in another TPC",
    "an operation goes to another TPC's io driver", "an operation of a pair is done",
    // tasks
    "a task hops", "a file is used", "a deadline passes", "a sleep is cut short",
    "a scope is asked to stop", "interrupted inside a task", "an exception reaches the joiner",
    // HTTP and streams
    "a request is answered", "all clients are served before the shutdown",
    "a drain leaves a request unread", "a request comes too late for the drain",
    "a receive lacks a buffer", "a receive is cancelled", "a client breaks off",
    "a half-closed stream comes back whole", "a connection is reset", "a task connects",
    "a task gets its bytes back",
    // polls, intervals, signals
    "a poll stream has an event", "a poll stream is given up", "a wait for events is cancelled",
    "an interval skips periods", "a signal is delivered",
    // a start that fails
    "a start fails", "a start succeeds", "a client connects while a start fails",
    // a driver that is out
    "a dead driver goes on", "a dead driver takes a wake-up with it", "a driver is dead for long",
    "a ring answers again", "a ring stops answering for long",
    "a client of another driver is served", "a client waits for a broken driver",
    "messages go on beside a broken driver", "a shutdown cuts off what a broken driver held",
    "a shutdown waits for a dead driver", "a shutdown waits for a ring that does not answer"};

}  // namespace

std::vector<const char*> events_that_never_happened(const std::map<std::string, uint64_t>& counts) {
  std::vector<const char*> missing;
  for (const char* each : kExpected) {
    auto found = counts.find(each);
    if (found == counts.end() || found->second == 0) missing.push_back(each);
  }
  return missing;
}

}  // namespace gatio::harness
