// A piece of work that a driver can carry out: one function pointer and one link, embedded in
// whatever the work is about (an operation in a coroutine frame, a connection, a spawned task). It
// is owned by the object that embeds it and stands in at most one queue at a time: a run queue, or
// a mailbox on its way to another driver. Touched only by the driver in whose queue it stands.
#pragma once

namespace gatio {

struct Work {
  using Run = void (*)(Work*);

  Work() = default;
  explicit Work(Run what) : run(what) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  Work* next = nullptr;
  Run run = nullptr;
};

}  // namespace gatio
