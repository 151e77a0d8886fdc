#include "runtime/net/http_exchange.hpp"

#include <cstring>
#include <new>

namespace gatio::http {

Exchange::Exchange(const Handler& handler, std::pmr::memory_resource* memory, Finished finished)
    : Root(&task_ended, &abandon_handler, Priority::normal),
      batch(memory),
      output(memory),
      handler_(handler),
      finished_(finished),
      stop_message_(this) {}

void Exchange::prepare(const Terms& terms) {
  GATIO_ASSERT(!running_ && has_more() && terms.date.size() <= date_.size());
  GATIO_ASSERT(output.size() < terms.most_output_bytes);  // Each run gets on.
  running_ = true;
  back_ = false;
  handlers_done_ = false;
  closes_ = out_of_memory_ = false;
  close_after_ = terms.close_after;
  most_output_bytes_ = terms.most_output_bytes;
  begun_ = failed_ = 0;
  session_driver_ = Driver::current();
  std::memcpy(date_.data(), terms.date.data(), terms.date.size());
  date_size_ = terms.date.size();
}

void Exchange::run_here(const Terms& terms) {
  prepare(terms);
  // Release pairs with the acquire of whoever addresses a message to this tree.
  home.store(session_driver_, std::memory_order_release);
  begin();
}

void Exchange::run_on(Driver& target, const Terms& terms) {
  prepare(terms);
  home.store(&target, std::memory_order_release);  // As above.
  run = &arrive;
  target.post(*this);
}

void Exchange::arrive(Work* work) {
  work->run = &started;
  Driver::current()->enqueue(*work, Priority::normal);
}

void Exchange::started(Work* work) {
  static_cast<Exchange*>(work)->begin();
}

void Exchange::begin() {
  Driver::current()->attach(*this);
  // Nothing of this object is touched after the resume: a handler may have hopped to another
  // driver.
  next_handler().resume();
}

std::coroutine_handle<> Exchange::next_handler() {
  while (has_more() && output.size() < most_output_bytes_ &&
         Driver::current()->begin_resumption()) {
    ++begun_;
    request_.emplace(batch[index_]);
    response_.emplace(output, std::string_view(date_.data(), date_size_), *request_);
    if (close_after_ && index_ + 1 == batch.size()) response_->close();
    try {
      task_ = handler_(*request_, *response_);
      return task_.prepare(context, *this);
    } catch (...) {
      // The handler is no coroutine and threw, or its frame found no memory.
      answer_with_500();
      handler_ended();
    }
  }
  end();
  return std::noop_coroutine();
}

std::coroutine_handle<> Exchange::task_ended(Completer* completer) {
  auto* self = static_cast<Exchange*>(static_cast<Root*>(completer));
  if (self->task_.error()) self->answer_with_500();
  self->handler_ended();
  return self->next_handler();
}

// The answer is missing then; the connection has been cut off by now.
void Exchange::abandon_handler(Root* root) {
  auto* self = static_cast<Exchange*>(root);
  self->task_.reset();
  self->response_->abandon();
  self->response_.reset();
  self->closes_ = self->out_of_memory_ = true;
  self->end();
}

void Exchange::answer_with_500() {
  ++failed_;
  try {
    response_->status(500).body("Internal Server Error\n");
  } catch (const std::bad_alloc&) {
    out_of_memory_ = true;
  }
}

void Exchange::handler_ended() {
  task_.reset();
  try {
    response_->finish();
  } catch (const std::bad_alloc&) {
    out_of_memory_ = true;
  }
  if (out_of_memory_) response_->abandon();
  closes_ = response_->closes() || out_of_memory_;
  response_.reset();
  // What follows the answer that ends the connection would never be sent.
  index_ = closes_ ? batch.size() : index_ + 1;
}

void Exchange::end() {
  Driver::current()->detach(*this);
  if (Driver::current()->frozen()) index_ = batch.size();  // The rest will never have its turn.
  handlers_done_ = true;
  if (Driver::current() == session_driver_) {
    returned(this);
    return;
  }
  run = &returned;
  session_driver_->post(*this);
}

void Exchange::returned(Work* work) {
  auto* self = static_cast<Exchange*>(work);
  self->back_ = true;
  self->report_if_back();
}

void Exchange::report_if_back() {
  if (!back_ || stop_message_.in_flight) return;
  running_ = false;
  finished_(this);
}

void Exchange::request_stop() {
  if (!running_ || back_ || stop_message_.in_flight) return;
  stop_message_.in_flight = true;
  deliver_stop(&stop_message_);
}

void Exchange::deliver_stop(Work* work) {
  auto* message = static_cast<StopMessage*>(work);
  Exchange* self = message->exchange;
  // Acquire pairs with the release in run_on() and hop_to().
  Executor* its_home = self->home.load(std::memory_order_acquire);
  if (its_home != Executor::current()) {
    message->run = &deliver_stop;
    its_home->post(*message);
    return;
  }
  if (!self->handlers_done_) self->stop.request_stop();
  if (Driver::current() == self->session_driver_) {
    stop_returned(message);
  } else {
    message->run = &stop_returned;
    self->session_driver_->post(*message);
  }
}

void Exchange::stop_returned(Work* work) {
  auto* message = static_cast<StopMessage*>(work);
  message->in_flight = false;
  message->exchange->report_if_back();
}

}  // namespace gatio::http
