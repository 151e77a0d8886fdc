// A generated program of tasks: a tree of nodes that yield, sleep, hop, compute, read and write
// files, block, throw, wait for all or any, and spawn children whom they join or cancel. It is
// generated before it runs, so that it can be printed; while it runs it checks what tasks may rely
// on: each runs exactly once, on one driver at a time, where it ought to be, and not before its
// time. Owned by one simulation; its one thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fakes/choices.hpp"
#include "harness/simulation/simulation.hpp"
#include "runtime/task/hints.hpp"
#include "runtime/task/task.hpp"

namespace gatio {
class Scope;
}

namespace gatio::harness {

enum class StepKind : uint8_t {
  yield,
  sleep,        // `amount` us
  hop,          // to the driver `amount` of those that execute
  compute,      // `amount` us
  all_of,       // a sleep and a yield
  any_of,       // two sleeps
  deadline,     // a sleep of `amount` us, limited
  file,         // writes `amount` bytes, reads them back
  block,        // run_blocking
  spawn,        // the next child, into the scope of this node
  spawn_there,  // the next child, on the driver `amount`
  cancel,       // asks all children to stop
  join,         // waits for the children so far
  fail,         // throws
  letters,      // numbered messages to the driver `amount`, which must come in order
};

struct ProgramStep {
  StepKind kind = StepKind::yield;
  uint32_t amount = 0;
};

struct ProgramNode {
  unsigned number = 0;
  Priority priority = Priority::normal;
  std::vector<ProgramStep> steps;
  std::vector<ProgramNode> children;
};

// At most `most_nodes` nodes, at most 4 deep.
ProgramNode generate_program(fakes::Choices& choices, unsigned most_nodes);
std::string print(const ProgramNode& node, unsigned indent = 0);
unsigned count_nodes(const ProgramNode& node);

class TaskProgram {
 public:
  TaskProgram(Simulation& simulation, ProgramNode root);
  TaskProgram(const TaskProgram&) = delete;

  // The whole program; to be run once.
  Task<void> run();
  // After the run: every node that was spawned has run exactly once, unless what stood above it was
  // refused.
  void check();
  [[nodiscard]] bool done() const { return done_; }

 private:
  struct NodeState {
    unsigned started = 0;
    unsigned ended = 0;
    unsigned spawned = 0;
    bool inside = false;  // a segment of it runs right now
    bool failed = false;  // it ended with an exception
  };
  // Stands in a frame of the program: its end is the user's code as well (design R1).
  struct Resident {
    Resident(TaskProgram& its_program, const ProgramNode& its_node)
        : program(its_program), node(its_node) {}
    ~Resident();
    Resident(const Resident&) = delete;
    TaskProgram& program;
    const ProgramNode& node;
  };
  struct Planned {};                        // what `fail` throws
  using Way = std::pair<Driver*, Driver*>;  // from, to
  struct Letter : Work {
    Letter(TaskProgram* its_program, Way its_way, unsigned its_number)
        : Work(&arrive), program(its_program), way(its_way), number(its_number) {}
    static void arrive(Work* work);
    TaskProgram* program;
    Way way;
    unsigned number;
  };

  Task<void> run_node(const ProgramNode& node);
  Task<void> run_steps(const ProgramNode& node, Scope& scope);
  Task<void> run_step(const ProgramNode& node, ProgramStep step);
  Task<void> use_file(const ProgramNode& node, uint32_t bytes);
  Task<void> send_letters(Driver& to);
  void spawn_child(Scope& scope, const ProgramNode& child, ProgramStep step);
  [[nodiscard]] Driver& executing(uint32_t number) const;
  void enter(const ProgramNode& node);
  void leave(const ProgramNode& node);
  void interrupt();
  void falsify(const ProgramNode& node, const std::string& what);

  Simulation& simulation_;
  const ProgramNode root_;
  std::vector<NodeState> states_;
  std::vector<Driver*> executing_;
  std::deque<Letter> letters_;  // they stay where they are
  std::map<Way, unsigned> sent_;
  std::map<Way, unsigned> arrived_;
  bool done_ = false;
};

}  // namespace gatio::harness
