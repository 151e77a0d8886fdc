#include "runtime/net/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "runtime/memory/pool.hpp"

namespace gatio {

Connection::Connection(ConnectionHost& host, int fd)
    : Work(&run_step), Timer(&timer_expired), host_(host), fd_(fd) {
  receive_.connection = send_.connection = shutdown_.connection = this;
  receive_.complete = &received;
  send_.complete = &sent;
  shutdown_.complete = &shut;
}

Connection::~Connection() {
  driver().timers().disarm(*this);
}

void Connection::start() {
  host_.adopt(*this);
  arm_receive();
  if (host_.draining_) drain();
}

void Connection::schedule() {
  if (queued_) return;
  queued_ = true;
  driver().enqueue(*this, Priority::normal);
}

void Connection::run_step(Work* work) {
  auto* self = static_cast<Connection*>(work);
  self->queued_ = false;
  self->step();
}

// Whatever the kernel, the timer or the session noted is acted on here, in one place and one order.
void Connection::step() {
  if (broken_ && !told_broken_) {
    told_broken_ = true;
    close();
    on_broken();
  }
  if (state_ == State::open && (has_chunk() || ended_ || has_rest())) on_received();
  if (timed_out_) act_on_timeout();
  if (state_ != State::open) drop_chunks();
  if (has_chunk() && host_.short_of_buffers()) move_chunks();
  keep_receiving();
  if (state_ == State::finishing && !sending() && !busy()) begin_linger();
  if (state_ == State::lingering && ended_) close();
  settle_end();
}

void Connection::act_on_timeout() {
  timed_out_ = false;
  uint64_t now_ns = driver().turn_ns();
  if (drain_look_ns_ <= now_ns) {
    drain_look_ns_ = Timers::kNever;
    if (state_ == State::open && std::exchange(newly_armed_, false)) on_drain();
  }
  // What was done since may have given it more time.
  if (deadline_ns_ > now_ns) {
    arm_timer();
  } else if (state_ != State::open) {
    close();
  } else {
    on_timeout();
  }
}

void Connection::keep_receiving() {
  if (pausing_ && !receiving_ && chunk_count_ < (host_.most_chunks() + 1) / 2) {
    pausing_ = false;
    rearm_ = true;
  }
  // A receive that ended by itself while it was to pause is not armed before its time.
  if (!rearm_ || pausing_) return;
  rearm_ = false;
  if (state_ != State::closing && !broken_ && !ended_ && !receiving_) arm_receive();
}

void Connection::arm_receive() {
  GATIO_ASSERT(!receiving_);
  io_uring_sqe* sqe = driver().io_sqe();
  io_uring_prep_recv_multishot(sqe, fd_, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = host_.buffer_group();
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(&receive_));
  receiving_ = true;
  newly_armed_ = true;
  ++driver().operations_in_flight;
  if (draining_) look_soon();
}

// What waits in the socket comes with the next enter; if nothing does, the drain may go on.
void Connection::look_soon() {
  drain_look_ns_ = driver().turn_ns() + kDrainLookNs;
  arm_timer();
}

void Connection::received(Completion* completion, int32_t result, uint32_t flags) {
  Connection* self = static_cast<Receive*>(completion)->connection;
  if (!(flags & IORING_CQE_F_MORE)) {
    self->receiving_ = false;
    --self->driver().operations_in_flight;
  }
  self->newly_armed_ = false;
  if (result > 0) {
    auto id = static_cast<uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    self->chunks_.push(&self->host_.chunk_received(id, static_cast<uint32_t>(result)));
    // One peer must not take all buffers: the rest waits in its socket.
    if (++self->chunk_count_ >= self->host_.most_chunks() && self->receiving_ && !self->pausing_) {
      self->pausing_ = true;
      prepare_cancel(self->driver().io_sqe(), self->receive_);
    }
    // It may end with data in hand, a full CQ does that: the stream goes on.
    if (!self->receiving_ && !self->pausing_) self->rearm_ = true;
  } else if (result == 0) {
    self->ended_ = true;
  } else {
    self->receive_failed(-result);
  }
  self->schedule();
}

void Connection::receive_failed(int error) {
  if (error == ENOBUFS) {
    if (state_ != State::closing) host_.wait_for_buffer(*this);
    return;
  }
  if (error == EINTR || error == EAGAIN) {
    rearm_ = true;
    return;
  }
  if (error == ECANCELED && (state_ == State::closing || pausing_)) return;
  broken_ = true;
}

Chunk* Connection::take_chunk() {
  Chunk* chunk = chunks_.pop();
  if (chunk != nullptr) --chunk_count_;
  return chunk;
}

void Connection::send(SendRequest& request) {
  if (broken_ || state_ == State::lingering || state_ == State::closing) {
    request.sent(&request, broken_ ? ECONNRESET : EPIPE);
    return;
  }
  waiting_.push(&request);
  if (!send_in_flight_) submit_send();
}

// One send at a time (two would mix their bytes): what is queued by then goes out together. In
// pieces, so that a peer that reads slowly is seen to read.
void Connection::submit_send() {
  constexpr int kFlags = MSG_NOSIGNAL | MSG_WAITALL;
  SendRequest* first = waiting_.front();
  io_uring_sqe* sqe = driver().io_sqe();
  if (first->next == nullptr) {
    io_uring_prep_send(sqe, fd_, first->data, std::min(first->size, kMostSendBytes), kFlags);
  } else {
    size_t count = 0;
    size_t room = kMostSendBytes;
    for (SendRequest* each = first; each != nullptr && count < kMostIovecs && room > 0;
         each = each->next) {
      size_t size = std::min(each->size, room);
      iovecs_[count++] = {const_cast<char*>(each->data), size};
      room -= size;
    }
    message_ = msghdr{};
    message_.msg_iov = iovecs_.data();
    message_.msg_iovlen = count;
    io_uring_prep_sendmsg(sqe, fd_, &message_, kFlags);
  }
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(&send_));
  send_in_flight_ = true;
  ++driver().operations_in_flight;
}

void Connection::sent(Completion* completion, int32_t result, uint32_t) {
  Connection* self = static_cast<Send*>(completion)->connection;
  self->send_in_flight_ = false;
  --self->driver().operations_in_flight;
  if (result < 0 && result != -EINTR && result != -EAGAIN) {
    self->broken_ = true;
    self->fail_sends(-result);
    self->schedule();
    return;
  }
  size_t left = result > 0 ? static_cast<size_t>(result) : 0;
  while (SendRequest* first = self->waiting_.front()) {
    if (left < first->size) {
      first->data += left;
      first->size -= left;
      break;
    }
    left -= first->size;
    self->waiting_.pop();
    first->sent(first, 0);
  }
  if (!self->waiting_.empty() && self->state_ != State::closing) {
    self->on_sending();
    if (!self->send_in_flight_) self->submit_send();
  } else if (self->state_ != State::open || self->draining_) {
    self->schedule();
  }
}

void Connection::fail_sends(int error) {
  while (SendRequest* request = waiting_.pop()) request->sent(request, error);
}

void Connection::finish() {
  if (state_ != State::open) return;
  state_ = State::finishing;
  // A peer that does not read must not hold the connection for ever.
  set_deadline(driver().turn_ns() + host_.finish_ns());
  schedule();
}

void Connection::begin_linger() {
  if (ended_ || broken_) {
    close();
    return;
  }
  // Closing a socket with unread bytes would reset the connection, and the peer could lose our
  // answer: say FIN, and read until the peer has seen it.
  state_ = State::lingering;
  set_deadline(driver().turn_ns() + kLingerNs);
  io_uring_sqe* sqe = driver().io_sqe();
  io_uring_prep_shutdown(sqe, fd_, SHUT_WR);
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(&shutdown_));
  shutting_ = true;
  ++driver().operations_in_flight;
}

void Connection::shut(Completion* completion, int32_t result, uint32_t) {
  Connection* self = static_cast<Send*>(completion)->connection;
  self->shutting_ = false;
  --self->driver().operations_in_flight;
  if (result < 0) self->broken_ = true;
  self->schedule();
}

void Connection::close() {
  if (state_ == State::closing) return;
  state_ = State::closing;
  set_deadline(Timers::kNever);
  if (receiving_) prepare_cancel(driver().io_sqe(), receive_);
  if (send_in_flight_) {
    prepare_cancel(driver().io_sqe(), send_);
  } else {
    fail_sends(ECONNRESET);
  }
  schedule();
}

void Connection::drain() {
  if (draining_) return;
  draining_ = true;
  if (newly_armed_) look_soon();
  if (state_ == State::open) on_drain();
  schedule();
}

void Connection::abort() {
  draining_ = true;
  if (!broken_ && (busy() || sending())) ++host_.stats().cut_off;
  broken_ = true;
  schedule();
}

// What waits here for long must not keep buffers from the others.
void Connection::move_chunks() {
  IntrusiveQueue<Chunk> moved;
  while (Chunk* chunk = static_cast<Chunk*>(chunks_.pop()))
    moved.push(&host_.moved_to_heap(*chunk));
  while (Chunk* chunk = static_cast<Chunk*>(moved.pop())) chunks_.push(chunk);
}

void Connection::drop_chunks() {
  while (Chunk* chunk = take_chunk()) host_.recycle(*chunk);
}

// The last step of a connection: nobody points at it any more.
void Connection::settle_end() {
  if (state_ != State::closing || receiving_ || send_in_flight_ || shutting_) return;
  fail_sends(ECONNRESET);
  if (busy() || queued_) return;
  drop_chunks();
  if (broken_) ++host_.stats().resets;
  io_uring_sqe* sqe = driver().io_sqe();
  io_uring_prep_close(sqe, fd_);
  sqe->user_data = kNobodyUserData;
  host_.forget(*this);
  this->~Connection();
  Pool::free(this);
}

void Connection::set_deadline(uint64_t deadline_ns) {
  deadline_ns_ = deadline_ns;
  arm_timer();
}

// One timer for both; one that is armed too early finds that out when it expires.
void Connection::arm_timer() {
  uint64_t next_ns = std::min(deadline_ns_, drain_look_ns_);
  if (next_ns == Timers::kNever) return;
  if (armed()) {
    if (Timer::deadline_ns <= next_ns) return;
    driver().timers().disarm(*this);
  }
  driver().timers().arm(*this, next_ns);
}

void Connection::timer_expired(Timer* timer) {
  auto* self = static_cast<Connection*>(timer);
  // This is the begin of a turn: what the receive brought may still be on its way through the ring.
  Ring& ring = self->driver().ring();
  bool looks = self->drain_look_ns_ <= self->driver().turn_ns();
  if (looks && (ring.queued() > 0 || ring.has_unreaped())) self->look_soon();
  if (std::min(self->deadline_ns_, self->drain_look_ns_) > self->driver().turn_ns()) {
    self->arm_timer();
    return;
  }
  self->timed_out_ = true;
  self->schedule();
}

}  // namespace gatio
