#include "runtime/driver/poll_stream.hpp"

#include <cerrno>
#include <new>

namespace gatio {

Result<PollStream> PollStream::open(int fd, uint32_t events) {
  return arm(fd, events, false);
}

Result<PollStream> PollStream::own(int fd, uint32_t events) {
  return arm(fd, events, true);
}

Result<PollStream> PollStream::arm(int fd, uint32_t events, bool owned) {
  Driver* home = Driver::current();
  Driver* owner = home->io_driver();
  if (owner == nullptr)
    return fail(ENODEV, "no driver does I/O here: give the TPC an io or both driver");
  if (home->refuses_operations) return fail(ECANCELED, "the runtime is shutting down");
  void* memory = Pool::current()->allocate(sizeof(State));
  if (memory == nullptr)
    return fail(ENOMEM, "the heap's quota is exhausted: the poll was not armed");
  auto* state = new (memory) State(fd, events, owned, home, owner);
  state->send(state->arming, &State::armed_arrives, owner);
  return PollStream(state);
}

PollStream::~PollStream() {
  if (state_ != nullptr) state_->send(state_->ending, &State::close_arrives, state_->owner);
}

PollStream::State::State(int its_fd, uint32_t its_events, bool its_owned, Driver* its_home,
                         Driver* its_owner)
    : fd(its_fd),
      events(its_events),
      owned(its_owned),
      home(its_home),
      owner(its_owner),
      news(this, nullptr),
      arming(this, nullptr),
      ending(this, nullptr) {
  complete = &event;
}

void PollStream::State::send(Message& message, Work::Run what, Driver* to) {
  message.run = what;
  if (to == Driver::current()) {
    what(&message);
  } else {
    to->post(message);
  }
}

void PollStream::State::arm() {
  io_uring_sqe* sqe = owner->io_sqe();
  io_uring_prep_poll_multishot(sqe, fd, events);
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(this));
  armed = true;
  ++owner->operations_in_flight;
}

void PollStream::State::armed_arrives(Work* work) {
  static_cast<Message*>(work)->state->arm();
}

void PollStream::State::event(Completion* completion, int32_t result, uint32_t flags) {
  auto* self = static_cast<State*>(completion);
  if (result >= 0) {
    self->pending_events |= static_cast<uint32_t>(result);
  } else {
    self->pending_error = -result;
  }
  if (!(flags & IORING_CQE_F_MORE)) {
    self->armed = false;
    --self->owner->operations_in_flight;
    // A full CQ ends a multishot poll without an error: go on watching.
    if (result >= 0 && !self->closing) self->arm();
  }
  self->tell_home();
  self->close_when_quiet();
}

void PollStream::State::tell_home() {
  if (closing || !news_here || (pending_events == 0 && pending_error == 0)) return;
  news_here = false;
  news_events = std::exchange(pending_events, 0);
  news_error = std::exchange(pending_error, 0);
  this->send(news, &news_arrives, home);
}

void PollStream::State::news_arrives(Work* work) {
  State* self = static_cast<Message*>(work)->state;
  self->ready_events |= self->news_events;
  if (self->news_error != 0) self->ready_error = self->news_error;
  self->wake_waiter();
  self->send(self->news, &news_returns, self->owner);
}

void PollStream::State::wake_waiter() {
  if (waiter == nullptr) return;
  Next* next = std::exchange(waiter, nullptr);
  home->enqueue(*next, next->priority_);
}

void PollStream::State::news_returns(Work* work) {
  State* self = static_cast<Message*>(work)->state;
  self->news_here = true;
  self->tell_home();
  self->close_when_quiet();
}

void PollStream::State::close_arrives(Work* work) {
  State* self = static_cast<Message*>(work)->state;
  self->closing = true;
  if (self->armed) prepare_cancel(self->owner->io_sqe(), *self);
  self->close_when_quiet();
}

// The last step: nothing of the kernel's and no message points at the state any more but `ending`.
void PollStream::State::close_when_quiet() {
  if (closing && !armed && news_here) this->send(ending, &closed, home);
}

void PollStream::State::closed(Work* work) {
  State* self = static_cast<Message*>(work)->state;
  if (self->owned) self->home->kernel().close(self->fd);
  self->~State();
  Pool::free(self);
}

}  // namespace gatio
