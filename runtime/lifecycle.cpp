#include "runtime/lifecycle.hpp"

#include <utility>

namespace gatio {

Lifecycle::Member& Lifecycle::add(Driver& driver) {
  members_.push_back(std::make_unique<Member>(*this, driver));
  missing_reports_ = members_.size();
  return *members_.back();
}

bool Lifecycle::Member::step() {
  if (!opened_) {
    opened_ = true;
    driver_.enter_thread();
    report(driver_.open());
  } else if (driver_.is_open()) {
    driver_.turn();
    if (!driver_.health() && !failed_) {
      failed_ = true;
      all_.request_shutdown();
    }
  } else {
    // It could not be opened and waits to be told that all is over, which takes the others moments.
    driver_.take_mail();
    driver_.kernel().relax();
  }
  // What the last turn prepared may wake another driver, and the kernel may have put it off.
  if (!ended_ || driver_.has_unsent()) return true;
  driver_.close();
  Driver::leave_thread();
  return false;
}

void Lifecycle::Member::report(Result<void> outcome) {
  outcome_ = outcome && !driver_.health() ? driver_.health() : std::move(outcome);
  work_messages_ = driver_.stats().handoffs + driver_.stats().messages - control_messages_;
  run = &reported;
  Driver& leader = all_.members_.front()->driver_;
  if (&leader == &driver_) {
    reported(this);
  } else {
    ++control_messages_;
    leader.post(*this);
  }
}

void Lifecycle::Member::arrive(Work* work) {
  auto* self = static_cast<Member*>(work);
  ++self->control_messages_;
  self->carry_out();
}

void Lifecycle::Member::carry_out() {
  switch (command_) {
    case Phase::preparing: {
      Result<void> prepared;
      for (Service* service : services_) {
        if (prepared) prepared = service->prepare();
      }
      report(std::move(prepared));
      return;
    }
    case Phase::starting:
      report(start_services());
      return;
    case Phase::draining:
      quiet_ = true;
      for (Service* service : services_) {
        service->drain();
        quiet_ = quiet_ && service->drained();
      }
      report({});
      return;
    case Phase::settling:
      driver_.stop_detached();
      quiet_ = !driver_.has_tasks() && driver_.operations_in_flight == 0;
      report({});
      return;
    case Phase::stopping:
      driver_.refuses_helpers = true;
      driver_.stop_detached();
      for (Service* service : services_) service->stop();
      poll_stopped();
      return;
    case Phase::ended:
      for (Service* service : services_) service->close();
      ended_ = true;
      driver_.finish();
      return;
    case Phase::opening:
    case Phase::serving:
      break;
  }
  GATIO_ASSERT(false);
}

Result<void> Lifecycle::Member::start_services() {
  for (Service* service : services_) {
    if (Result<void> started = service->start(); !started) return started;
  }
  if (Result<void> settled = driver_.settle(); !settled) return settled;
  for (Service* service : services_) {
    if (Result<void> accepted = service->check(); !accepted) return accepted;
  }
  return {};
}

// Stopping takes a few turns: what was cancelled has to end. Looks again until it has.
void Lifecycle::Member::poll_stopped() {
  bool stopped = driver_.helpers_in_flight == 0;
  for (Service* service : services_) stopped = stopped && service->stopped();
  if (stopped || !driver_.is_open()) {
    report({});
    return;
  }
  driver_.timers().arm(*this, driver_.turn_ns() + kPollNs);
}

void Lifecycle::Member::reported(Work* work) {
  auto* member = static_cast<Member*>(work);
  Lifecycle& all = member->all_;
  Member& leader = *all.members_.front();
  if (member != &leader) ++leader.control_messages_;
  if (!member->outcome_ && all.outcome_) all.outcome_ = std::move(member->outcome_);
  member->outcome_ = {};
  if (--all.missing_reports_ == 0) all.all_reported();
}

void Lifecycle::send_to_all(Phase command) {
  phase_ = command;
  missing_reports_ = members_.size();
  Driver* self = Driver::current();
  // The leader itself comes last: its own message must not be carried out while others are not yet
  // sent.
  for (size_t i = members_.size(); i-- > 0;) {
    Member& member = *members_[i];
    member.command_ = command;
    member.run = &Member::arrive;
    if (&member.driver_ == self) {
      self->post_to_self(member);
    } else {
      ++members_.front()->control_messages_;
      member.driver_.post(member);
    }
  }
}

void Lifecycle::all_reported() {
  if (!outcome_ && phase_ < Phase::serving) {
    send_to_all(Phase::stopping);
    return;
  }
  switch (phase_) {
    case Phase::opening:
      send_to_all(Phase::preparing);
      return;
    case Phase::preparing:
      send_to_all(Phase::starting);
      return;
    case Phase::starting:
      phase_ = Phase::serving;
      if (options_.on_serving) outcome_ = options_.on_serving();
      if (shutdown_wanted_ || !outcome_) begin_drain();
      return;
    case Phase::draining:
    case Phase::settling:
      go_on_draining();
      return;
    case Phase::stopping:
      send_to_all(Phase::ended);
      return;
    case Phase::serving:
    case Phase::ended:
      break;
  }
  GATIO_ASSERT(false);
}

void Lifecycle::request_shutdown() {
  if (shutdown_posted_.exchange(true, std::memory_order_relaxed)) return;
  shutdown_message_.all = this;
  shutdown_message_.run = &shutdown_arrives;
  Driver& leader = members_.front()->driver();
  if (Driver::current() == &leader) {
    leader.post_to_self(shutdown_message_);
  } else {
    leader.post(shutdown_message_);
  }
}

void Lifecycle::shutdown_arrives(Work* work) {
  Lifecycle& all = *static_cast<ShutdownMessage*>(work)->all;
  all.shutdown_wanted_ = true;
  if (all.phase_ == Phase::serving) all.begin_drain();
}

void Lifecycle::begin_drain() {
  drain_deadline_ns_ = Driver::current()->fresh_ns() + options_.drain_ns;
  send_to_all(Phase::draining);
}

// First the services finish what they had begun, then the tasks end; after the deadline whatever is
// left is cut off.
void Lifecycle::go_on_draining() {
  bool quiet = true;
  for (auto& member : members_) quiet = quiet && member->quiet_;
  if (phase_ == Phase::draining && quiet) {
    send_to_all(Phase::settling);
    return;
  }
  if (phase_ == Phase::settling && quiet && settled()) {
    send_to_all(Phase::stopping);
    return;
  }
  Driver* self = Driver::current();
  if (self->fresh_ns() >= drain_deadline_ns_) {
    cut_off_ = true;
    send_to_all(Phase::stopping);
    return;
  }
  self->timers().arm(*this, self->turn_ns() + kPollNs);
}

// Quiet drivers may still have a message under way between them. None is when two looks in a row
// find everybody quiet, and nobody has sent or taken a message in between.
bool Lifecycle::settled() {
  uint64_t messages = 0;
  for (auto& member : members_) messages += member->work_messages_;
  bool same = settled_messages_ == messages;
  settled_messages_ = messages;
  return same;
}

void Lifecycle::poll_again(Timer* timer) {
  auto* all = static_cast<Lifecycle*>(timer);
  all->send_to_all(all->phase_);
}

}  // namespace gatio
