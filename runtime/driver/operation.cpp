#include "runtime/driver/operation.hpp"

#include <cerrno>

namespace gatio {

void Operation::begin(std::coroutine_handle<> frame, Context& context) {
  home_ = Driver::current();
  owner_ = home_->io_driver();
  frame_ = frame;
  priority_ = context.root->priority;
  if (owner_ == nullptr) result_ = -ENODEV;
  if (context.stop->stop_requested() || home_->refuses_operations) result_ = -ECANCELED;
  if (result_ < 0) {
    // By way of the run queue: a loop that ignores the error must not keep the driver for itself.
    arrive_home(this);
    return;
  }
  StopCallback::join(*context.stop);
  complete = &completed;
  if (owner_ == home_) {
    submit();
  } else {
    run = &arrive_at_owner;
    owner_->post(*this);
  }
}

void Operation::submit() {
  io_uring_sqe* sqe = owner_->io_sqe();
  prepare_(this, sqe);
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(this));
  ++owner_->operations_in_flight;
}

void Operation::arrive_at_owner(Work* work) {
  static_cast<Operation*>(work)->submit();
}

void Operation::completed(Completion* completion, int32_t result, uint32_t) {
  auto* self = static_cast<Operation*>(completion);
  --self->owner_->operations_in_flight;
  self->result_ = result;
  self->completed_on_owner_ = true;
  if (self->owner_ == self->home_) {
    arrive_home(self);
  } else {
    self->run = &arrive_home;
    self->home_->post(*self);
  }
}

void Operation::arrive_home(Work* work) {
  auto* self = static_cast<Operation*>(work);
  self->done_ = true;
  self->resume_when_free();
}

void Operation::resume_when_free() {
  if (!done_ || cancel_away_) return;
  run = &resume;
  home_->enqueue(*this, priority_);
}

void Operation::resume(Work* work) {
  auto* self = static_cast<Operation*>(work);
  self->StopCallback::leave();
  if (self->home_->begin_resumption()) self->frame_.resume();
}

void Operation::stop(StopCallback* callback) {
  auto* self = static_cast<Operation*>(callback);
  if (self->done_) return;
  if (self->owner_ == self->home_) {
    self->cancel_on_owner();
    return;
  }
  self->cancel_away_ = true;
  self->cancel_.run = &cancel_arrives_at_owner;
  self->owner_->post(self->cancel_);
}

// The operation arrived here before the request to cancel it: messages of one driver keep their
// order. The kernel looks for it at the next submit, before any SQE that is prepared later, so that
// a new operation at the same address cannot be hit.
void Operation::cancel_on_owner() {
  if (!completed_on_owner_) prepare_cancel(owner_->io_sqe(), *this);
}

void Operation::cancel_arrives_at_owner(Work* work) {
  Operation* self = static_cast<CancelMessage*>(work)->operation;
  self->cancel_on_owner();
  work->run = &cancel_arrives_home;
  self->home_->post(*work);
}

void Operation::cancel_arrives_home(Work* work) {
  Operation* self = static_cast<CancelMessage*>(work)->operation;
  self->cancel_away_ = false;
  self->resume_when_free();
}

}  // namespace gatio
