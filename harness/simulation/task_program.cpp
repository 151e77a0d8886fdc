#include "harness/simulation/task_program.hpp"

#include <cerrno>
#include <chrono>
#include <exception>

#include "runtime/base/sync_point.hpp"
#include "runtime/driver/blocking.hpp"
#include "runtime/driver/file.hpp"
#include "runtime/driver/waits.hpp"
#include "runtime/task/scope.hpp"
#include "runtime/task/when.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using std::chrono::microseconds;

constexpr unsigned kDeepest = 4;
constexpr unsigned kMostSteps = 6;

const char* name_of(StepKind kind) {
  switch (kind) {
    case StepKind::yield:
      return "yield";
    case StepKind::sleep:
      return "sleep";
    case StepKind::hop:
      return "hop";
    case StepKind::compute:
      return "compute";
    case StepKind::all_of:
      return "all_of";
    case StepKind::any_of:
      return "any_of";
    case StepKind::deadline:
      return "deadline";
    case StepKind::file:
      return "file";
    case StepKind::block:
      return "block";
    case StepKind::spawn:
      return "spawn";
    case StepKind::spawn_there:
      return "spawn_there";
    case StepKind::cancel:
      return "cancel";
    case StepKind::join:
      return "join";
    case StepKind::fail:
      return "fail";
    case StepKind::letters:
      return "letters";
  }
  return "?";
}

ProgramNode generate_node(fakes::Choices& choices, unsigned& number, unsigned most_nodes,
                          unsigned depth) {
  ProgramNode node;
  node.number = number++;
  node.priority = static_cast<Priority>((choices.choose(ChoiceKind::program, 3) + 1) % 3);
  unsigned steps = choices.choose(ChoiceKind::program, kMostSteps + 1);
  for (unsigned i = 0; i < steps; ++i) {
    ProgramStep step;
    step.kind = static_cast<StepKind>(choices.choose(ChoiceKind::program, 15));
    step.amount = choices.choose(ChoiceKind::program, 100);
    bool spawns = step.kind == StepKind::spawn || step.kind == StepKind::spawn_there;
    if (spawns && (depth >= kDeepest || number >= most_nodes)) continue;
    // A failure ends the node; most of them had better go on.
    if (step.kind == StepKind::fail && !choices.one_in(ChoiceKind::program, 4)) continue;
    node.steps.push_back(step);
    if (spawns) node.children.push_back(generate_node(choices, number, most_nodes, depth + 1));
  }
  return node;
}

Task<void> sleep_us(uint32_t us) {
  (void)co_await sleep_for(microseconds(us));
}

Task<void> yield_once() {
  co_await yield();
}

// The tree of tasks that the caller belongs to.
struct own_root {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> frame) {
    root_ = frame.promise().context->root;
    return false;
  }
  const Root& await_resume() const noexcept { return *root_; }

 private:
  const Root* root_ = nullptr;
};

}  // namespace

ProgramNode generate_program(fakes::Choices& choices, unsigned most_nodes) {
  unsigned number = 0;
  return generate_node(choices, number, most_nodes, 0);
}

unsigned count_nodes(const ProgramNode& node) {
  unsigned count = 1;
  for (const ProgramNode& child : node.children) count += count_nodes(child);
  return count;
}

std::string print(const ProgramNode& node, unsigned indent) {
  std::string text = std::string(indent, ' ') + "task " + std::to_string(node.number) + ":";
  for (const ProgramStep& step : node.steps)
    text += std::string(" ") + name_of(step.kind) + "(" + std::to_string(step.amount) + ")";
  text += "\n";
  for (const ProgramNode& child : node.children) text += print(child, indent + 2);
  return text;
}

TaskProgram::TaskProgram(Simulation& simulation, ProgramNode root)
    : simulation_(simulation), root_(std::move(root)), states_(count_nodes(root_)) {}

Task<void> TaskProgram::run() {
  executing_ = simulation_.executing_drivers();
  ++states_[root_.number].spawned;
  try {
    co_await run_node(root_);
  } catch (const Planned&) {
    Sometimes::hit("an exception reaches the joiner");
  }
  done_ = true;
}

void TaskProgram::check() {
  for (size_t i = 0; i < states_.size(); ++i) {
    const NodeState& state = states_[i];
    if (state.started == state.spawned && state.ended == state.spawned && state.spawned <= 1)
      continue;
    simulation_.falsify("S2: task " + std::to_string(i) + " was spawned " +
                        std::to_string(state.spawned) + " times, begun " +
                        std::to_string(state.started) + " times and ended " +
                        std::to_string(state.ended) + " times");
  }
  if (arrived_ != sent_) simulation_.falsify("S8: a message did not come");
}

Driver& TaskProgram::executing(uint32_t number) const {
  return *executing_[number % executing_.size()];
}

void TaskProgram::falsify(const ProgramNode& node, const std::string& what) {
  simulation_.falsify("S2: task " + std::to_string(node.number) + " " + what);
}

// A segment of the node's task begins, and ends: between the two no other may run.
void TaskProgram::enter(const ProgramNode& node) {
  NodeState& state = states_[node.number];
  if (state.inside) falsify(node, "runs twice at a time");
  state.inside = true;
  if (!Driver::current()->executes()) falsify(node, "runs on an io driver");
  interrupt();
}

// Who has the task for himself is not found out while nobody else has a turn.
void TaskProgram::interrupt() {
  uint64_t before = simulation_.scheduler().preemptions();
  sync_point("program: inside");
  if (simulation_.scheduler().preemptions() != before) Sometimes::hit("interrupted inside a task");
}

void TaskProgram::leave(const ProgramNode& node) {
  states_[node.number].inside = false;
}

TaskProgram::Resident::~Resident() {
  const Driver* here = Driver::current();
  if (here == nullptr || !here->executes())
    program.simulation_.falsify("S3: a frame of task " + std::to_string(node.number) +
                                " ends where no user's code may run");
}

Task<void> TaskProgram::run_node(const ProgramNode& node) {
  const Resident resident(*this, node);
  ++states_[node.number].started;
  enter(node);
  std::exception_ptr error;
  leave(node);
  try {
    co_await with_scope([&](Scope& scope) -> Task<void> { co_await run_steps(node, scope); });
  } catch (...) {
    error = std::current_exception();
  }
  enter(node);
  ++states_[node.number].ended;
  states_[node.number].failed = error != nullptr;
  for (const ProgramNode& child : node.children) {
    if (states_[child.number].failed && !error) falsify(node, "does not learn that a child failed");
  }
  leave(node);
  if (error) std::rethrow_exception(error);
}

Task<void> TaskProgram::run_steps(const ProgramNode& node, Scope& scope) {
  const Resident resident(*this, node);
  size_t next_child = 0;
  for (const ProgramStep& step : node.steps) {
    switch (step.kind) {
      case StepKind::spawn:
      case StepKind::spawn_there:
        spawn_child(scope, node.children[next_child++], step);
        break;
      case StepKind::cancel:
        scope.request_stop();
        Sometimes::hit("a scope is asked to stop");
        break;
      case StepKind::join:
        co_await scope.join();
        break;
      case StepKind::hop: {
        // A scope stays where it is, so only a node without children yet travels.
        if (next_child > 0) break;
        Driver& target = executing(step.amount);
        Result<void> hopped = co_await hop_to(target);
        if (hopped && Driver::current() != &target) falsify(node, "is not where it hopped to");
        // Others address their messages to it by that.
        const Root& root = co_await own_root{};
        if (root.home.load(std::memory_order_relaxed) != Driver::current())
          falsify(node, "is said to be elsewhere than where it runs");
        Sometimes::hit("a task hops");
        break;
      }
      default:
        co_await run_step(node, step);
    }
  }
}

void TaskProgram::spawn_child(Scope& scope, const ProgramNode& child, ProgramStep step) {
  auto body = [this, &child]() -> Task<void> { return run_node(child); };
  Result<void> spawned = step.kind == StepKind::spawn
                             ? scope.spawn(body, {.priority = child.priority})
                             : scope.spawn_on(executing(step.amount), body, child.priority);
  if (spawned) {
    ++states_[child.number].spawned;
  } else if (spawned.error().code == EPERM) {
    falsify(child, "was to run on a driver that runs no tasks");
  } else {
    Sometimes::hit("a spawn is refused");
  }
}

Task<void> TaskProgram::run_step(const ProgramNode& node, ProgramStep step) {
  const Resident resident(*this, node);
  Driver* home = Driver::current();
  enter(node);
  uint64_t before_ns = home->fresh_ns();
  leave(node);
  switch (step.kind) {
    case StepKind::sleep: {
      Result<void> slept = co_await sleep_for(microseconds(step.amount));
      if (slept && Driver::current()->fresh_ns() - before_ns < step.amount * 1'000)
        falsify(node, "woke before its time");
      if (!slept) Sometimes::hit("a sleep is cut short");
      break;
    }
    case StepKind::compute:
      enter(node);
      home->kernel().spend(step.amount * 1'000);
      interrupt();
      leave(node);
      break;
    case StepKind::all_of:
      co_await when_all(sleep_us(step.amount), yield_once());
      break;
    case StepKind::any_of:
      co_await when_any(sleep_us(step.amount), sleep_us(50));
      break;
    case StepKind::deadline: {
      Result<void> in_time = co_await with_deadline(microseconds(50), sleep_us(step.amount));
      if (!in_time) Sometimes::hit("a deadline passes");
      break;
    }
    case StepKind::file:
      co_await use_file(node, step.amount);
      break;
    case StepKind::block: {
      Kernel& kernel = home->kernel();
      Result<uint32_t> answer =
          co_await run_blocking([&kernel, amount = step.amount]() -> uint32_t {
            kernel.spend(amount * 1'000);
            return amount;
          });
      if (answer && *answer != step.amount) falsify(node, "got another helper's result");
      break;
    }
    case StepKind::letters:
      co_await send_letters(executing(step.amount));
      break;
    case StepKind::fail:
      throw Planned{};
    default:
      // Now and then so often that the driver has to look at its ring in between.
      for (uint32_t i = 0; i <= (step.amount % 8 == 0 ? 4 * step.amount : 0); ++i) co_await yield();
  }
  enter(node);
  if (Driver::current() != home) falsify(node, "was moved to another driver");
  leave(node);
}

void TaskProgram::Letter::arrive(Work* work) {
  auto* letter = static_cast<Letter*>(work);
  TaskProgram& program = *letter->program;
  if (program.arrived_[letter->way]++ != letter->number)
    program.simulation_.falsify("S8: a message from driver " + letter->way.first->name() +
                                " to driver " + letter->way.second->name() + " overtook another");
}

Task<void> TaskProgram::send_letters(Driver& to) {
  Driver* from = Driver::current();
  if (from == &to) co_return;
  Way way{from, &to};
  for (unsigned i = 0; i < 3; ++i) to.post(letters_.emplace_back(this, way, sent_[way]++));
  // What is spawned behind them comes back when they have long arrived.
  (void)co_await call_on(to, []() -> Task<void> { co_return; });
  Sometimes::hit("messages are sent in a row");
}

Task<void> TaskProgram::use_file(const ProgramNode& node, uint32_t bytes) {
  Result<File> file =
      co_await File::open("/simulated/" + std::to_string(node.number), O_RDWR | O_CREAT);
  if (!file) co_return;
  std::string out(bytes, static_cast<char>('a' + node.number % 26));
  Result<int> written = co_await file->write(std::span<const char>(out.data(), out.size()), 0);
  if (!written) co_return;
  std::string in(static_cast<size_t>(*written), '?');
  Result<int> read = co_await file->read(std::span<char>(in.data(), in.size()), 0);
  if (read && in.substr(0, static_cast<size_t>(*read)) != out.substr(0, static_cast<size_t>(*read)))
    falsify(node, "read other bytes than it wrote");
  Sometimes::hit("a file is used");
  Simulation::operation_done();
}

}  // namespace gatio::harness
