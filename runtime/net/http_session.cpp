#include "runtime/net/http_session.hpp"

#include <new>

namespace gatio::http {

namespace {
constexpr uint64_t kNsPerMs = 1'000'000;
}

Session::OwnExchange::OwnExchange(Session* its_session, const Handler& handler,
                                  std::pmr::memory_resource* memory)
    : Exchange(handler, memory, &exchange_finished), session(its_session) {}

Session::Session(ConnectionHost& host, int fd, SessionSettings& settings)
    : Connection(host, fd),
      settings_(settings),
      parser_(settings.limits, &host.memory()),
      exchange_(this, *settings.handler, &host.memory()),
      sending_(&host.memory()) {
  send_.session = this;
  send_.sent = &output_sent;
  // Until the first request has begun, a client has as long as between requests.
  begin_idle_time();
}

void Session::on_received() {
  receiving_ = true;
  while (is_open() && !exchange_.running() && output_bytes() < kMostOutputBytes) {
    if (exchange_.has_more()) {
      // What stands behind the batch has its whole time from here.
      if (in_request_) begin_header_time();
      run_batch();
    } else {
      Chunk* chunk = take_chunk();
      if (chunk == nullptr) break;
      if (parse(*chunk)) run_batch();
    }
    if (!exchange_.running()) after_answers();
  }
  receiving_ = false;
  if (is_open() && peer_ended() && !exchange_.running() && !exchange_.has_more()) finish();
}

// True when there is a batch, which points into the chunk; otherwise that has been given back.
bool Session::parse(Chunk& chunk) {
  try {
    outcome_ = parser_.feed({host().bytes_of(chunk), chunk.length}, exchange_.batch);
  } catch (const std::bad_alloc&) {
    host().recycle(chunk);
    exchange_.clear();
    outcome_ = {Outcome::State::Error, 503, false};
    return false;
  }
  watch_header_time();
  if (exchange_.batch.empty()) {
    host().recycle(chunk);
    return false;
  }
  held_chunk_ = &chunk;
  return true;
}

void Session::watch_header_time() {
  bool in_request = parser_.in_request();
  // Each request has the whole time, also where every receive ends within one. Its body may take as
  // long as it likes as long as it goes on.
  if (parser_.in_body()) {
    begin_idle_time();
  } else if (in_request && (!in_request_ || !exchange_.batch.empty())) {
    begin_header_time();
  }
  in_request_ = in_request;
}

void Session::begin_idle_time() {
  set_deadline(driver().turn_ns() + host().timeouts().idle_ms * kNsPerMs);
}

void Session::begin_header_time() {
  set_deadline(driver().turn_ns() + host().timeouts().header_ms * kNsPerMs);
}

// In place where this driver may execute and is not overloaded; otherwise where the TPC says.
Driver* Session::executing_driver() {
  if (driver().executes() && !driver().overloaded()) return &driver();
  Result<Executor*> placed = driver().place({.from_driver = driver().options().index});
  return placed ? static_cast<Driver*>(*placed) : nullptr;
}

// Gives the batch, or what is left of it, to a driver that executes.
void Session::run_batch() {
  Driver* target = executing_driver();
  GATIO_ASSERT(target !=
               nullptr);  // The plan refuses a listener whose tasks no driver may execute.
  bool in_place = target == &driver();
  // Without memory for a copy the handlers run here, or the connection ends.
  if ((!in_place || host().short_of_buffers()) && !detach_batch() && !in_place) {
    give_back_chunk();
    exchange_.clear();
    outcome_ = {Outcome::State::Error, 503, false};
    return;
  }
  Exchange::Terms terms{.date = date(),
                        .close_after = draining() && nothing_waits(),
                        .most_output_bytes = kMostOutputBytes - sending_.size()};
  if (in_place) {
    exchange_.run_here(terms);
  } else {
    exchange_.run_on(*target, terms);
  }
  // A handler may take as long as it likes; the next time-out begins with its answer.
  if (exchange_.running()) set_deadline(Timers::kNever);
}

// Makes the batch independent of the chunk, and gives that back. False where there is no memory.
bool Session::detach_batch() {
  if (held_chunk_ == nullptr) return true;
  try {
    exchange_.batch.detach();
  } catch (const std::bad_alloc&) {
    return false;
  }
  give_back_chunk();
  return true;
}

void Session::exchange_finished(Exchange* exchange) {
  Session* self = static_cast<OwnExchange*>(exchange)->session;
  self->answered();
  if (self->receiving_) return;  // on_received() goes on by itself.
  // The time-out of what stands behind the batch was off while its handlers ran.
  if (self->is_open() && self->in_request_) self->begin_header_time();
  if (self->is_open()) self->after_answers();
  self->schedule();
}

void Session::answered() {
  HostStats& stats = host().stats();
  // What stands behind an answer that ends the connection is never given to a handler.
  stats.requests += exchange_.begun();
  stats.failed_handlers += exchange_.failed();
  answers_waiting_ += exchange_.begun() - exchange_.out_of_memory();
  if (exchange_.has_more() && is_open()) {
    // The peer may read as slowly as it likes, and must not keep a buffer from the others.
    (void)detach_batch();
    return;
  }
  give_back_chunk();
  exchange_.clear();
}

// Called when no handler runs. Without memory for what is due the connection ends.
void Session::after_answers() {
  try {
    say_what_is_due();
  } catch (const std::bad_alloc&) {
    abort();
  }
}

// Says what is due after the answers, and sends.
void Session::say_what_is_due() {
  if (exchange_.out_of_memory()) {
    abort();
    return;
  }
  if (exchange_.has_more()) {
    // The rest follows once this has gone, for which the peer has the idle time.
    begin_idle_time();
    flush();
    return;
  }
  bool closes = exchange_.closes() || outcome_.state == Outcome::State::Close;
  if (outcome_.expect_continue && !closes) {
    exchange_.output.append(kContinue);
    outcome_.expect_continue = false;
  }
  if (outcome_.state == Outcome::State::Error && !exchange_.closes()) {
    answer_error(outcome_.status);
    return;
  }
  flush();
  if (closes || drained()) finish();
}

// Whether all that has come was parsed and was whole requests, and nothing is left in the socket.
bool Session::nothing_waits() const {
  return !has_chunk() && !parser_.in_request() && (receive_is_armed() || peer_ended());
}

// Whether a drain may end this connection.
bool Session::drained() const {
  return draining() && !exchange_.running() && !exchange_.has_more() && nothing_waits();
}

void Session::answer_error(int status) {
  ++host().stats().bad_requests;
  append_error(exchange_.output, status, date(), true);
  flush();
  finish();
}

void Session::flush() {
  if (exchange_.running()) return;
  // The time-out covers a peer that does not read, and then one that asks nothing more.
  if (!in_request_) begin_idle_time();
  if (exchange_.output.empty() || sending()) return;
  std::swap(sending_, exchange_.output);
  answers_sending_ = std::exchange(answers_waiting_, 0);
  send_.data = sending_.data();
  send_.size = sending_.size();
  this->send(send_);
}

void Session::output_sent(SendRequest* request, int error) {
  Session* self = static_cast<OwnSend*>(request)->session;
  if (error == 0) self->host().stats().answers += self->answers_sending_;
  self->sending_.clear();
  // A large answer must not keep its memory for as long as the connection idles.
  if (self->sending_.capacity() > kKeptOutputBytes) self->sending_.release();
  if (error != 0) return;
  self->flush();
  if (self->has_chunk() || self->has_rest()) self->schedule();
}

void Session::on_drain() {
  if (drained()) finish();
}

void Session::on_timeout() {
  if (exchange_.running()) return;
  ++host().stats().timeouts;
  if (sending()) {
    abort();  // The peer has not read our answer for that long.
  } else if (in_request_) {
    outcome_ = {Outcome::State::Error, 408, false};
    after_answers();
  } else {
    finish();
  }
}

void Session::on_broken() {
  exchange_.request_stop();
  if (!exchange_.running()) give_back_chunk();
}

void Session::give_back_chunk() {
  if (held_chunk_ != nullptr) host().recycle(*std::exchange(held_chunk_, nullptr));
}

// The wall clock is read every few milliseconds at most: the header has seconds.
std::string_view Session::date() {
  constexpr uint64_t kFreshNs = 10 * kNsPerMs;
  uint64_t now_ns = driver().turn_ns();
  if (settings_.date_checked_ns != 0 && now_ns - settings_.date_checked_ns < kFreshNs) {
    return settings_.date.text();
  }
  settings_.date_checked_ns = now_ns;
  return settings_.date.at(driver().kernel().wall_seconds());
}

}  // namespace gatio::http
