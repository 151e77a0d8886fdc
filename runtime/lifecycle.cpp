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
    case Phase::cutting:
      cut_off();
      report({});
      return;
    case Phase::freezing:
      driver_.freeze();
      driver_.cancel_operations();
      quiet_ = driver_.at_rest();
      report({});
      return;
    case Phase::clearing:
      driver_.abandon_tasks();
      quiet_ = !driver_.has_tasks() && driver_.at_rest() && services_stopped();
      report({});
      return;
    case Phase::stopping:
      driver_.refuses_operations = true;
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

// Again with each look: a task may have hopped here, and an operation may have been on its way.
void Lifecycle::Member::cut_off() {
  driver_.cut_off_tasks();
  for (Service* service : services_) service->stop();
  driver_.cancel_operations();
  in_flight_ = driver_.operations_in_flight != 0;
  quiet_ = !driver_.has_tasks() && driver_.at_rest() && services_stopped();
}

bool Lifecycle::Member::services_stopped() const {
  bool stopped = true;
  for (Service* service : services_) stopped = stopped && service->stopped();
  return stopped;
}

// Stopping takes a few turns: what was cancelled has to end. Looks again until it has.
void Lifecycle::Member::poll_stopped() {
  if (services_stopped() || !driver_.is_open()) {
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
    // Some may have served already when the start of another failed.
    enter(phase_ == Phase::starting ? Phase::cutting : Phase::stopping);
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
    case Phase::cutting:
    case Phase::freezing:
    case Phase::clearing:
      look_at_drain();
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
  post_to_leader(shutdown_message_);
}

void Lifecycle::give_up(Error why) {
  if (given_up_.exchange(true, std::memory_order_relaxed)) return;
  give_up_message_.all = this;
  give_up_message_.outcome = std::move(why);
  give_up_message_.run = &give_up_arrives;
  post_to_leader(give_up_message_);
}

void Lifecycle::post_to_leader(Work& message) {
  Driver& leader = members_.front()->driver();
  if (Driver::current() == &leader) {
    leader.post_to_self(message);
  } else {
    leader.post(message);
  }
}

void Lifecycle::give_up_arrives(Work* work) {
  auto* message = static_cast<ShutdownMessage*>(work);
  if (message->all->outcome_) message->all->outcome_ = std::move(message->outcome);
  shutdown_arrives(work);
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

void Lifecycle::enter(Phase phase) {
  settled_messages_.reset();
  send_to_all(phase);
}

// First the services finish what they had begun, then the tasks end; after the deadline whatever is
// left is cut off.
void Lifecycle::look_at_drain() {
  bool quiet = true;
  bool in_flight = false;
  for (auto& member : members_) {
    quiet = quiet && member->quiet_;
    in_flight = in_flight || member->in_flight_;
  }
  if (quiet && (phase_ == Phase::draining || settled())) {
    enter(phase_when_quiet());
    return;
  }
  Driver* self = Driver::current();
  if (phase_ < Phase::cutting && self->fresh_ns() >= drain_deadline_ns_) {
    cut_off_ = true;
    enter(Phase::cutting);
    return;
  }
  // What the kernel or a helper thread still owes a task may be all that it waits for.
  if (phase_ == Phase::cutting && !in_flight && ++grace_looks_ > kGraceLooks) {
    enter(Phase::freezing);
    return;
  }
  self->timers().arm(*this, self->turn_ns() + kPollNs);
}

Lifecycle::Phase Lifecycle::phase_when_quiet() const {
  if (phase_ == Phase::draining) return Phase::settling;
  return phase_ == Phase::freezing ? Phase::clearing : Phase::stopping;
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
