// The case "drain": an HTTP server at work, shut down under clients of all kinds; see
// drain_run.hpp.
#include <algorithm>
#include <iterator>

#include "harness/simulation/drain_run.hpp"
#include "harness/simulation/more_cases.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;

// More than one send takes.
constexpr size_t kLargeBody = 300'000;
constexpr uint32_t kShortUs = 150;
constexpr uint32_t kLongUs = 3'000;
// Longer than the server lingers.
constexpr uint64_t kStaysNs = 3'000'000'000;

DrainLoad choose_drain_load(fakes::Choices& choices) {
  auto choose = [&](uint32_t bound) { return choices.choose(ChoiceKind::program, bound); };
  auto one_in = [&](uint32_t n) { return choices.one_in(ChoiceKind::program, n); };
  DrainLoad load;
  load.computes = one_in(2);
  load.sleeps = one_in(2);
  // Longer than the moment that a drain leaves for what is under way, or far shorter.
  load.most_us = 1 + choose(one_in(1) ? kLongUs : kShortUs);
  load.patient = one_in(3);
  load.shutdown_ns = 1'000 * (1 + choose(one_in(2) ? 1'000 : 300));
  // With 2 or 16, one chunk may wait on a connection; with 128, two.
  constexpr unsigned kBuffers[] = {16, 2, 128};
  load.buffers = kBuffers[choose(std::size(kBuffers))];
  load.buffer_bytes = one_in(3) ? 64 : 256;
  bool large = one_in(8);
  // A crowd under which a driver gets to its ring seldom, and then finds more than the CQ holds.
  load.storm = !large && one_in(2);
  bool crowd = load.storm || (!large && one_in(4));
  bool slow = one_in(3);
  bool stubborn = !load.storm && one_in(4);
  // The deadline of the drain ends their connections, and nothing else.
  if (stubborn) {
    load.drain_ms = 100;
    load.most_us = std::min(load.most_us, kShortUs);
  }
  if (load.storm) {
    load.computes = true;
    load.most_us = kLongUs;
    load.buffer_bytes = 64;
  }
  load.clients.resize(large ? 1 + choose(2) : crowd ? 8 + choose(8) : 1 + choose(5));
  uint32_t pause_us = one_in(1) && !stubborn ? kLongUs : 64;
  uint32_t arrive_us = 1 + choose(crowd ? 5 : 300);
  for (HttpClientOptions& client : load.clients) {
    client.requests = 1 + choose(large ? 2 : crowd ? 3 : 10);
    client.pipeline = 1 + choose(client.requests);
    client.first_ns = 1'000 * choose(arrive_us);
    client.in_pieces = slow;
    client.pause_us = pause_us;
    client.numbered = true;
    client.body_bytes = large ? kLargeBody : 0;
    client.visits = !large && one_in(4);
    client.may_abort = one_in(16);
    if (stubborn) client.stays_ns = one_in(2) ? kStaysNs : 1'000 * choose(2'000);
  }
  return load;
}

}  // namespace

CaseResult run_drain(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  DrainLoad load = choose_drain_load(choices);
  if (load.storm) shrink_rings(shape);
  if (shape.faulty) {
    shape.simulation.faults = {
        .short_transfer = 4, .no_buffers = 8, .enter_eintr = 8, .enter_busy = 2};
  }
  return run_drain_load(choices, options, shape, load);
}

}  // namespace gatio::harness
