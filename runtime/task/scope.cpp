#include "runtime/task/scope.hpp"

namespace gatio {

void Scope::add(Spawned& child) {
  GATIO_ASSERT(home() == Executor::current());  // A scope is used only where its owner runs.
  child.scope = this;
  ++context_.root->children;
  child.next_sibling = first_child_;
  if (first_child_ != nullptr) first_child_->previous_sibling = &child;
  first_child_ = &child;
  if (stopped_) child.stop.request_stop();  // It has not been launched: it is still ours to touch.
}

std::coroutine_handle<> Scope::child_ended(Spawned& child) {
  Executor* scope_home = home();
  if (scope_home != Executor::current()) {
    child.run = &report;
    scope_home->post(child);
    return std::noop_coroutine();
  }
  collect(child);
  if (first_child_ == nullptr && joiner_.handle) {
    // The child's driver is ours: go on in the joiner at once.
    if (Executor::current()->begin_resumption()) return joiner_.handle;
  }
  return std::noop_coroutine();
}

void Scope::report(Work* work) {
  auto* child = static_cast<Spawned*>(work);
  Scope* scope = child->scope;
  Executor* scope_home = scope->home();
  if (scope_home !=
      Executor::current()) {  // The owner has hopped on meanwhile: the report follows it.
    scope_home->post(*child);
    return;
  }
  scope->collect(*child);
  if (scope->first_child_ == nullptr && scope->joiner_.handle) {
    scope_home->enqueue(scope->joiner_, scope->context_.root->priority);
  }
}

void Scope::collect(Spawned& child) {
  child.reported = true;
  if (child.error && !error_) {
    error_ = child.error;
    request_stop();
  }
  if (!child.stop_message.in_flight) release(child);
}

void Scope::release(Spawned& child) {
  if (child.previous_sibling != nullptr) {
    child.previous_sibling->next_sibling = child.next_sibling;
  } else {
    first_child_ = child.next_sibling;
  }
  if (child.next_sibling != nullptr) child.next_sibling->previous_sibling = child.previous_sibling;
  --context_.root->children;
  child.destroy();
}

void Scope::request_stop() {
  if (stopped_) return;
  stopped_ = true;
  Spawned* child = first_child_;
  while (child != nullptr) {
    // A local child that stops at once may end at once, but is collected only by its own later
    // step.
    Spawned* next = child->next_sibling;
    if (!child->reported) stop_child(*child);
    child = next;
  }
}

void Scope::stop_child(Spawned& child) {
  // Acquire pairs with the release in Spawned::launch() and hop_to(): the child's stop source may
  // be touched by the driver that is its home.
  Executor* child_home = child.home.load(std::memory_order_acquire);
  if (child_home == Executor::current()) {
    child.stop.request_stop();
    return;
  }
  child.stop_message.in_flight = true;
  child.stop_message.run = &deliver_stop;
  child_home->post(child.stop_message);
}

void Scope::deliver_stop(Work* work) {
  auto* message = static_cast<Spawned::StopMessage*>(work);
  Spawned& child = *message->child;
  Executor* child_home = child.home.load(std::memory_order_acquire);  // As in stop_child().
  if (child_home != Executor::current()) {
    child_home->post(*message);
    return;
  }
  if (!child.ended) child.stop.request_stop();
  message->run = &return_stop;
  Executor* scope_home = child.scope->home();
  if (scope_home == Executor::current()) {
    return_stop(message);
  } else {
    scope_home->post(*message);
  }
}

void Scope::return_stop(Work* work) {
  auto* message = static_cast<Spawned::StopMessage*>(work);
  Spawned& child = *message->child;
  Scope* scope = child.scope;
  Executor* scope_home = scope->home();
  if (scope_home != Executor::current()) {
    scope_home->post(*message);
    return;
  }
  message->in_flight = false;
  if (!child.reported) return;
  scope->release(child);
  if (scope->first_child_ == nullptr && scope->joiner_.handle) {
    scope_home->enqueue(scope->joiner_, scope->context_.root->priority);
  }
}

}  // namespace gatio
