#include "fakes/network/connection.hpp"

#include <algorithm>

#include "fakes/network/tcp_socket.hpp"

namespace gatio::fakes {

// Who is told what when all that has arrived is in its place; they exist until then.
struct Connection::Tidings {
  std::shared_ptr<InetSocket> receiver;
  std::shared_ptr<InetSocket> sender;
  std::shared_ptr<InetSocket> listener;
  uint32_t receiver_events = 0;
  uint32_t sender_events = 0;
};

Connection::Pipe::Pipe(Connection& its_connection, ChunkPool& pool, unsigned its_sender)
    : Event([](Event* event) {
        auto& pipe = *static_cast<Pipe*>(event);
        pipe.connection.deliver(pipe);
      }),
      connection(its_connection),
      sender(its_sender),
      unsent(pool),
      travelling(pool),
      received(pool) {}

Connection::Retry::Retry(Connection& its_connection)
    : Event([](Event* event) { static_cast<Retry*>(event)->connection.retry(); }),
      connection(its_connection) {}

Connection::Connection(Fabric& fabric, TcpSocket& client, Side from, Side to)
    : fabric_(fabric),
      sides_{from, to},
      pipes_{Pipe(*this, fabric.chunks, 0), Pipe(*this, fabric.chunks, 1)},
      ends_{&client, nullptr},
      server_address_(client.remote()),
      client_address_(client.local()),
      retry_(*this) {
  next_ = fabric.connections;
  if (next_ != nullptr) next_->previous_ = this;
  fabric.connections = this;
  outgoing(0).send_capacity = client.send_capacity();
  incoming(0).receive_capacity = client.receive_capacity();
}

Connection::~Connection() {
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ == nullptr ? fabric_.connections : previous_->next_) = next_;
}

void Connection::start() {
  send_sign(pipes_[0], Sign::connect);
}

std::shared_ptr<TcpSocket> Connection::listener() const {
  auto socket = std::static_pointer_cast<TcpSocket>(listener_.lock());
  bool listens =
      socket != nullptr && socket->listening() && socket->listening_period() == listening_period_;
  return listens ? socket : nullptr;
}

void Connection::end_handshake() {
  handshaking_ = false;
  if (auto socket = listener()) socket->handshake_ended();
  listener_.reset();
}

void Connection::cancel() {
  if (handshaking_) end_handshake();  // else a refusal is on its way
  retry_.cancel();
  for (Pipe& pipe : pipes_) {
    pipe.travelling.clear();
    pipe.cancel();
  }
  leave(0);
}

size_t Connection::window(const Pipe& pipe) const {
  // Nobody holds back what nobody will read.
  if (ends_[1 - pipe.sender] == nullptr && !handshaking_) return pipe.unsent.bytes();
  size_t used = pipe.received.bytes() + pipe.travelling.bytes();
  return pipe.receive_capacity > used ? pipe.receive_capacity - used : 0;
}

void Connection::pump(Pipe& pipe) {
  if (pipe.reset_sent) return;
  size_t room = std::min(window(pipe), pipe.unsent.bytes());
  if (room > 0 && strike()) return;
  uint64_t delay_ns = 0;
  bool together = false;
  while (room > 0) {
    if (!together) delay_ns = fabric_.choose_delay_ns(side(pipe.sender), side(1 - pipe.sender));
    size_t most = std::min<size_t>(room, pipe.unsent.first()->size());
    together = true;
    if (most > 1 &&
        fabric_.world.choices.one_in(ChoiceKind::amount, fabric_.options.split_one_in)) {
      most -= fabric_.world.choices.choose(ChoiceKind::amount, static_cast<uint32_t>(most));
      together = false;
    }
    Chunk* chunk = pipe.unsent.pop(most);
    room -= chunk->size();
    dispatch(pipe, chunk, delay_ns);
  }
  if (!pipe.unsent.empty() || !pipe.ends || pipe.end_sent) return;
  pipe.end_sent = true;
  send_sign(pipe, Sign::end);
}

bool Connection::strike() {
  if (!fabric_.world.choices.one_in(ChoiceKind::fault, fabric_.world.faults.reset)) return false;
  fabric_.world.note(Happening::faulted, static_cast<int64_t>(ChoiceKind::fault), ECONNRESET);
  abort(0);
  abort(1);
  return true;
}

void Connection::send_sign(Pipe& pipe, Sign sign) {
  uint64_t delay_ns = fabric_.choose_delay_ns(side(pipe.sender), side(1 - pipe.sender));
  dispatch(pipe, fabric_.chunks.get(0, sign), delay_ns);
}

void Connection::dispatch(Pipe& pipe, Chunk* chunk, uint64_t delay_ns) {
  uint64_t arrival_ns =
      fabric_.arrival_ns(side(pipe.sender), side(1 - pipe.sender), chunk->size(), delay_ns);
  pipe.last_arrival_ns = std::max(pipe.last_arrival_ns, arrival_ns);
  chunk->arrival_ns = pipe.last_arrival_ns;
  pipe.travelling.push(chunk);
  if (!pipe.scheduled()) {
    fabric_.world.events.schedule(pipe, pipe.travelling.first()->arrival_ns);
  }
}

void Connection::deliver(Pipe& pipe) {
  ++pins_;
  Tidings tidings;
  uint64_t now_ns = fabric_.world.now_ns;
  while (!pipe.travelling.empty() && pipe.travelling.first()->arrival_ns <= now_ns) {
    take(pipe, pipe.travelling.pop(), tidings);
  }
  if (!pipe.travelling.empty() && !pipe.scheduled()) {
    fabric_.world.events.schedule(pipe, pipe.travelling.first()->arrival_ns);
  }
  if (tidings.receiver != nullptr) tidings.receiver->tell(tidings.receiver_events);
  if (tidings.sender != nullptr) tidings.sender->tell(tidings.sender_events);
  if (tidings.listener != nullptr) tidings.listener->tell(POLLIN | POLLRDNORM);
  --pins_;
  free_if_over();
}

void Connection::take(Pipe& pipe, Chunk* chunk, Tidings& tidings) {
  Sign sign = chunk->sign;
  TcpSocket* receiver = ends_[1 - pipe.sender];
  if (sign == Sign::data) {
    take_data(pipe, chunk, tidings);
    return;
  }
  fabric_.chunks.put(chunk);
  if (receiver != nullptr && tidings.receiver == nullptr) {
    tidings.receiver = receiver->weak_from_this().lock();
  }
  switch (sign) {
    case Sign::data:
      break;
    case Sign::connect:
      take_connect();
      break;
    case Sign::accept:
      receiver->connected();
      tidings.receiver_events |= receiver->poll() | kStateChanged;
      send_sign(pipes_[0], Sign::established);
      break;
    case Sign::established:
      take_established(tidings);
      break;
    case Sign::window:
      pipes_[1 - pipe.sender].window_promised = false;
      pump(pipes_[1 - pipe.sender]);
      break;
    case Sign::end:
      pipe.end_received = true;
      if (receiver == nullptr) break;
      receiver->peer_ended();
      tidings.receiver_events |= receiver->poll() | kStateChanged;
      break;
    case Sign::reset:
      take_reset(pipe, tidings);
      break;
  }
}

void Connection::take_data(Pipe& pipe, Chunk* chunk, Tidings& tidings) {
  TcpSocket* receiver = ends_[1 - pipe.sender];
  TcpSocket* sender = ends_[pipe.sender];
  uint32_t bytes = chunk->size();
  // The sender has it acknowledged at once: its way back is not simulated.
  bool was_writable =
      2 * (pipe.send_room() > bytes ? pipe.send_room() - bytes : 0) >= pipe.queued() + bytes;
  if (!was_writable && pipe.writable() && sender != nullptr) {
    if (tidings.sender == nullptr) tidings.sender = sender->weak_from_this().lock();
    tidings.sender_events |= POLLOUT | POLLWRNORM;
  }
  if (receiver == nullptr) {
    fabric_.chunks.put(chunk);
    abort(1 - pipe.sender);
    return;
  }
  if (tidings.receiver == nullptr) tidings.receiver = receiver->weak_from_this().lock();
  if (receiver->refuses_data()) {
    fabric_.chunks.put(chunk);
    abort(1 - pipe.sender);
    receiver->was_reset();
    tidings.receiver_events |= receiver->poll();
    return;
  }
  pipe.received.merge(chunk);
  tidings.receiver_events |= POLLIN | POLLRDNORM;
}

// The server's answer to a SYN: an answer, a refusal, or none when its queue is full.
void Connection::take_connect() {
  const auto& listeners = fabric_.host(side(1)).tcp.listeners(server_address_);
  if (listeners.empty()) {
    end_handshake();
    abort(1);
    return;
  }
  auto count = static_cast<uint32_t>(listeners.size());
  uint64_t chosen = fabric_.connects++ + fabric_.world.choices.choose(ChoiceKind::order, count);
  auto& socket = static_cast<TcpSocket&>(*listeners[chosen % count]);
  if (!socket.begin_handshake()) {
    if (fabric_.options.abort_on_overflow) {
      end_handshake();
      abort(1);
    } else {
      fabric_.world.events.schedule(retry_, fabric_.world.now_ns + (kFirstRetryNs << retries_));
    }
    return;
  }
  listener_ = socket.weak_from_this();
  listening_period_ = socket.listening_period();
  outgoing(1).send_capacity = socket.send_capacity();
  incoming(1).receive_capacity = socket.receive_capacity();
  send_sign(pipes_[1], Sign::accept);
}

void Connection::retry() {
  if (retries_++ < kRetries) {
    start();
    return;
  }
  TcpSocket* client = ends_[0];
  end_handshake();
  client->failed(ETIMEDOUT);
  client->tell(client->poll());
}

void Connection::take_established(Tidings& tidings) {
  auto socket = listener();
  end_handshake();
  if (socket == nullptr) {
    abort(1);
    return;
  }
  ends_[1] = &socket->take_in(*this, server_address_, client_address_);
  tidings.listener = std::move(socket);
}

void Connection::take_reset(Pipe& pipe, Tidings& tidings) {
  Pipe& back = pipes_[1 - pipe.sender];
  back.unsent.clear();
  back.reset_sent = true;
  TcpSocket* receiver = ends_[1 - pipe.sender];
  if (receiver == nullptr || !receiver->was_reset()) return;
  tidings.receiver_events |= receiver->poll();
}

void Connection::taken(Pipe& pipe) {
  Pipe& back = pipes_[1 - pipe.sender];
  if (pipe.unsent.empty() || pipe.window_promised || back.reset_sent) return;
  // Not for a few bytes: a silly window makes a stream of tiny pieces.
  if (!pipe.received.empty() && 2 * window(pipe) < pipe.receive_capacity) return;
  pipe.window_promised = true;
  send_sign(back, Sign::window);
}

void Connection::finish(unsigned end) {
  Pipe& pipe = pipes_[end];
  if (pipe.ends) return;
  pipe.ends = true;
  pump(pipe);
}

void Connection::abort(unsigned end) {
  Pipe& pipe = pipes_[end];
  if (pipe.reset_sent) return;
  pipe.unsent.clear();
  pipe.reset_sent = true;
  send_sign(pipe, Sign::reset);
}

void Connection::leave(unsigned end) {
  ends_[end] = nullptr;
  incoming(end).received.clear();
  free_if_over();
}

void Connection::free_if_over() {
  if (pins_ > 0 || handshaking_ || ends_[0] != nullptr || ends_[1] != nullptr) return;
  for (const Pipe& pipe : pipes_) {
    if (!pipe.unsent.empty() || !pipe.travelling.empty()) return;
  }
  delete this;
}

}  // namespace gatio::fakes
