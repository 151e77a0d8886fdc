#include "runtime/task/spawned.hpp"

#include "runtime/task/scope.hpp"

namespace gatio {

void Spawned::launch(Executor& target) {
  // Release pairs with the acquire of whoever addresses a message to this tree.
  home.store(&target, std::memory_order_release);
  if (&target == Executor::current()) {
    arrive(this);
  } else {
    run = &arrive;
    target.post(*this);
  }
}

void Spawned::arrive(Work* work) {
  auto* self = static_cast<Spawned*>(work);
  self->run = &start;
  Executor::current()->attach(*self);
  Executor::current()->enqueue(*self, self->priority);
}

void Spawned::start(Work* work) {
  auto* self = static_cast<Spawned*>(work);
  if (!Executor::current()->begin_resumption()) return;
  std::coroutine_handle<> next;
  try {
    next = self->make_task();
  } catch (...) {
    // The callable threw, or its frame found no memory: the joiner learns it as from a task.
    next = self->end(std::current_exception());
  }
  next.resume();
}

std::coroutine_handle<> Spawned::task_ended(Completer* completer) {
  auto* self = static_cast<Spawned*>(static_cast<Root*>(completer));
  return self->end(self->drop_task());
}

void Spawned::abandon_tree(Root* root) {
  auto* self = static_cast<Spawned*>(root);
  (void)self->drop_task();
  // There is nothing to resume: a joiner that is at rest here stays so.
  (void)self->end(nullptr);
}

std::coroutine_handle<> Spawned::end(std::exception_ptr its_error) {
  Executor* here = Executor::current();
  here->detach(*this);
  ended = true;
  error = std::move(its_error);
  if (scope != nullptr) return scope->child_ended(*this);
  if (error) here->uncaught(error);
  destroy();
  return std::noop_coroutine();
}

}  // namespace gatio
