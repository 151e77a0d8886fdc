// The cases "echo" and "faults": streams that are echoed, without faults and with them.
#include "harness/simulation/echo_run.hpp"
#include "harness/simulation/more_cases.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;

uint64_t choose_shutdown_ns(fakes::Choices& choices) {
  return 20'000 * (1 + choices.choose(ChoiceKind::program, 100));
}

}  // namespace

CaseResult run_echo(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  EchoLoad load = choose_load(choices);
  load.cancels = choices.one_in(ChoiceKind::program, 3);
  if (choices.one_in(ChoiceKind::program, 3)) load.shutdown_after_ns = choose_shutdown_ns(choices);
  return run_streams(choices, options, shape, load);
}

// Faults that the runtime has to bear without a loss, or also those that cost a connection.
CaseResult run_faults(fakes::Choices& choices, const CaseOptions& options) {
  Shape shape = choose_shape(choices, options);
  EchoLoad load = choose_load(choices);
  load.may_lose = choices.choose(ChoiceKind::program, 2) == 1;
  if (choices.one_in(ChoiceKind::program, 4)) load.shutdown_after_ns = choose_shutdown_ns(choices);
  uint32_t often = 4 << choices.choose(ChoiceKind::program, 4);
  fakes::FaultPlan& faults = shape.simulation.faults;
  faults.short_transfer = faults.no_buffers = faults.accept_limit = often;
  faults.enter_eintr = faults.enter_busy = often;
  if (load.may_lose) faults.operation_error = faults.reset = 4 * often;
  return run_streams(choices, options, shape, load);
}

}  // namespace gatio::harness
