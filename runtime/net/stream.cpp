#include "runtime/net/stream.hpp"

#include <cstring>

#include "runtime/task/scope.hpp"

namespace gatio {

namespace {
constexpr uint64_t kNsPerMs = 1'000'000;
}

StreamOperation::StreamOperation(StreamSession* session, Kind kind, std::span<const char> bytes)
    : StopCallback(&stop), session_(session), kind_(kind), cancel_(this) {
  data = bytes.data();
  size = bytes.size();
  sent = &bytes_sent;
}

bool StreamOperation::begin(std::coroutine_handle<> frame, Context& context) {
  GATIO_ASSERT(session_ != nullptr);
  if (kind_ == Kind::send && size == 0) return false;
  home_ = Driver::current();
  frame_ = frame;
  priority_ = context.root->priority;
  if (context.stop->stop_requested() && kind_ == Kind::receive) {
    error_ = ECANCELED;
    arrive_home(this);  // As in Operation::begin(): whoever ignores the error lets others run.
    return true;
  }
  if (kind_ == Kind::receive) StopCallback::join(*context.stop);
  run = &arrive_at_session;
  if (home_ == &session_->driver()) {
    arrive_at_session(this);
  } else {
    session_->driver().post(*this);
  }
  return true;
}

void StreamOperation::arrive_at_session(Work* work) {
  auto* self = static_cast<StreamOperation*>(work);
  if (self->kind_ == Kind::receive) {
    self->session_->begin_receive(*self);
  } else {
    self->session_->begin_send(*self);
  }
}

void StreamOperation::bytes_sent(SendRequest* request, int error) {
  auto* self = static_cast<StreamOperation*>(request);
  self->session_->note_activity();
  self->complete(error);
}

void StreamOperation::complete(int error) {
  error_ = error;
  completed_ = true;
  run = &arrive_home;
  if (home_ == Driver::current()) {
    arrive_home(this);
  } else {
    home_->post(*this);
  }
}

void StreamOperation::complete_with(Chunk& chunk) {
  const char* bytes = chunk.host->bytes_of(chunk);
  size_t length = chunk.length;
  if (home_ == Driver::current()) {
    received_.chunk_ = &chunk;
    received_.bytes_ = {bytes, length};
    complete(0);
    return;
  }
  // Only this driver touches the buffer ring: another gets a copy.
  received_.copy_ = Pool::current()->allocate(length);
  if (received_.copy_ != nullptr) {
    std::memcpy(received_.copy_, bytes, length);
    received_.bytes_ = {static_cast<const char*>(received_.copy_), length};
  }
  chunk.host->recycle(chunk);
  complete(received_.copy_ != nullptr ? 0 : ENOMEM);
}

void StreamOperation::arrive_home(Work* work) {
  auto* self = static_cast<StreamOperation*>(work);
  self->done_ = true;
  self->resume_when_free();
}

void StreamOperation::resume_when_free() {
  if (!done_ || cancel_away_) return;
  run = &resume;
  home_->enqueue(*this, priority_);
}

void StreamOperation::resume(Work* work) {
  auto* self = static_cast<StreamOperation*>(work);
  self->StopCallback::leave();
  if (self->home_->begin_resumption()) self->frame_.resume();
}

void StreamOperation::stop(StopCallback* callback) {
  auto* self = static_cast<StreamOperation*>(callback);
  if (self->done_) return;
  if (self->home_ == &self->session_->driver()) {
    self->session_->cancel_receive(*self);
    return;
  }
  self->cancel_away_ = true;
  self->cancel_.run = &cancel_arrives;
  self->session_->driver().post(self->cancel_);
}

void StreamOperation::cancel_arrives(Work* work) {
  StreamOperation* self = static_cast<CancelMessage*>(work)->operation;
  self->session_->cancel_receive(*self);
  work->run = &cancel_returns;
  self->home_->post(*work);
}

void StreamOperation::cancel_returns(Work* work) {
  StreamOperation* self = static_cast<CancelMessage*>(work)->operation;
  self->cancel_away_ = false;
  self->resume_when_free();
}

Stream::~Stream() {
  if (session_ == nullptr) return;
  if (Driver::current() == &session_->driver()) {
    StreamSession::let_go(&session_->let_go_);
  } else {
    session_->driver().post(session_->let_go_);
  }
}

StreamSession::StreamSession(ConnectionHost& host, int fd) : Connection(host, fd) {
  let_go_.run = &let_go;
  let_go_.session = this;
  note_activity();
}

Stream StreamSession::open_stream() {
  held_ = true;
  return Stream(this);
}

void StreamSession::serve(const StreamHandler& handler) {
  Result<Executor*> target = driver().place({.from_driver = driver().options().index});
  ++host().stats().requests;
  // If the spawn fails the callable goes, and the Stream in it: the connection closes.
  Result<void> spawned =
      target ? spawn_detached_on(**target,
                                 [&handler, stream = open_stream()]() mutable -> Task<void> {
                                   return handler(std::move(stream));
                                 })
             : Result<void>(Error(target.error()));
  if (!spawned) ++host().stats().refused;
}

void StreamSession::note_activity() {
  if (host().timeouts().idle_ms == 0) return;  // A client's: with_deadline() is the task's own.
  set_deadline(driver().turn_ns() + host().timeouts().idle_ms * kNsPerMs);
}

void StreamSession::begin_receive(StreamOperation& operation) {
  if (receiver_ != nullptr) {
    operation.complete(EBUSY);
    return;
  }
  receiver_ = &operation;
  note_activity();
  serve_receiver();
}

void StreamSession::begin_send(StreamOperation& operation) {
  this->send(operation);
}

void StreamSession::cancel_receive(StreamOperation& operation) {
  if (operation.completed_) return;
  receiver_ = nullptr;
  operation.complete(ECANCELED);
}

void StreamSession::serve_receiver() {
  if (receiver_ == nullptr) return;
  if (has_chunk()) {
    Chunk* chunk = take_chunk();
    std::exchange(receiver_, nullptr)->complete_with(*chunk);
    schedule();  // The receive may have been paused.
  } else if (!is_open()) {
    std::exchange(receiver_, nullptr)->complete(ECONNRESET);
  } else if (peer_ended()) {
    std::exchange(receiver_, nullptr)->complete(0);
  }
}

void StreamSession::on_received() {
  if (!held_) {
    close();  // Nobody will ever read this.
    return;
  }
  note_activity();
  serve_receiver();
}

void StreamSession::on_broken() {
  serve_receiver();
}

void StreamSession::on_timeout() {
  ++host().stats().timeouts;
  abort();
}

void StreamSession::let_go(gatio::Work* work) {
  StreamSession* self = static_cast<LetGo*>(work)->session;
  self->held_ = false;
  self->finish();
  self->schedule();
}

}  // namespace gatio
