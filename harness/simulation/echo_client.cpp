#include "harness/simulation/echo_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <span>
#include <vector>

namespace gatio::harness {
namespace {

constexpr uint32_t kLargestPiece = 700;
constexpr uint32_t kLongestPauseUs = 64;
constexpr uint32_t kBreaksOneIn = 30;
constexpr size_t kSlowBytes = 100;
constexpr size_t kReceiveBytes = 4096;

}  // namespace

EchoClient::EchoClient(fakes::World& world, fakes::Network& network,
                       const EchoClientOptions& options)
    : Event(&woken), world_(world), network_(network), options_(options) {}

void EchoClient::start() {
  act_at(world_.now_ns + options_.first_ns);
}

void EchoClient::act_at(uint64_t time_ns) {
  if (scheduled() && this->time_ns() <= time_ns) return;
  world_.events.schedule(*this, time_ns);
}

void EchoClient::changed(uint32_t) {
  act_at(world_.now_ns);
}

void EchoClient::woken(Event* event) {
  static_cast<EchoClient*>(event)->act();
}

void EchoClient::act() {
  if (state_ == State::idle) connect();
  if (state_ == State::connecting) {
    if ((socket_->poll() & (POLLOUT | POLLERR | POLLHUP)) == 0) return;
    if (socket_->connect_error() != 0) return finish();
    stats_.connected = true;
    state_ = State::open;
  }
  if (state_ == State::finished || !receive() || break_off()) return;
  if (state_ == State::open) send();
}

void EchoClient::connect() {
  int error = 0;
  socket_ = network_.socket(AF_INET, SOCK_STREAM, 0, fakes::Side::outside, error);
  GATIO_ASSERT(socket_ != nullptr);
  socket_->add(*this);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int result = socket_->connect(reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (result != 0 && result != -EINPROGRESS) return finish();
  state_ = State::connecting;
}

// False when the connection has ended.
bool EchoClient::receive() {
  char bytes[kReceiveBytes];  // not cleared: most of it stays unused
  std::span<char> room = std::span(bytes).first(options_.slow ? kSlowBytes : kReceiveBytes);
  if (options_.slow && next_read_ns_ > world_.now_ns) {
    act_at(next_read_ns_);
    return true;
  }
  for (;;) {
    iovec part{.iov_base = room.data(), .iov_len = room.size()};
    int64_t result = socket_->receive({&part, 1}, 0).result;
    if (result == -EAGAIN) return true;
    if (result <= 0) {
      stats_.reset = result < 0;
      stats_.whole = result == 0 && stats_.received == options_.length;
      finish();
      return false;
    }
    for (size_t i = 0; i < static_cast<size_t>(result); ++i, ++stats_.received) {
      bool expected =
          stats_.received < stats_.sent && room[i] == stream_byte(stats_.received, options_.stream);
      if (!expected && stats_.wrong.empty())
        stats_.wrong = "byte " + std::to_string(stats_.received) + " of stream " +
                       std::to_string(options_.stream) + " came back wrong, after " +
                       std::to_string(stats_.sent) + " were sent";
    }
    if (!options_.slow) continue;
    next_read_ns_ = world_.now_ns + 1'000 * (1 + choose(kLongestPauseUs));
    act_at(next_read_ns_);
    return true;
  }
}

// True when it has ended the connection by itself, orderly or with a reset.
bool EchoClient::break_off() {
  if (!options_.may_break || !world_.choices.one_in(fakes::ChoiceKind::program, kBreaksOneIn))
    return false;
  stats_.broke_off = true;
  if (choose(2) == 1) {
    linger reset{.l_onoff = 1, .l_linger = 0};
    socket_->setsockopt(SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  finish();
  return true;
}

void EchoClient::send() {
  while (stats_.sent < options_.length) {
    if (next_send_ns_ > world_.now_ns) return act_at(next_send_ns_);
    size_t most = std::min<size_t>(kLargestPiece, options_.length - stats_.sent);
    std::vector<char> piece(most - choose(static_cast<uint32_t>(most)));
    for (size_t i = 0; i < piece.size(); ++i)
      piece[i] = stream_byte(stats_.sent + i, options_.stream);
    iovec part{.iov_base = piece.data(), .iov_len = piece.size()};
    int64_t result = socket_->send({&part, 1}, MSG_NOSIGNAL, nullptr, 0);
    if (result == -EAGAIN) return;
    if (result < 0) {
      stats_.reset = true;
      return finish();
    }
    stats_.sent += static_cast<size_t>(result);
    next_send_ns_ = world_.now_ns + 1'000 * choose(kLongestPauseUs);
  }
  socket_->shutdown(SHUT_WR);
  stats_.half_closed = true;
  state_ = State::half_closed;
}

void EchoClient::finish() {
  unlink();
  cancel();
  socket_.reset();
  state_ = State::finished;
}

}  // namespace gatio::harness
