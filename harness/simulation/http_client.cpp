#include "harness/simulation/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <string_view>

namespace gatio::harness {
namespace {

constexpr size_t kReceiveBytes = 16 * 1024;
constexpr uint64_t kRetryNs = 3'000;

// The length of the answer's head, or npos; its status, and the length of its body.
struct Head {
  size_t size = std::string_view::npos;
  unsigned status = 0;
  size_t body = 0;
  bool ok = false;
};

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

// By RFC 9110 these have no body, and need no Content-Length.
bool has_no_body(unsigned status) {
  return status == 204 || status == 304;
}

Head parse_head(std::string_view text) {
  Head head;
  size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return head;
  head.size = end + 4;
  std::string_view lines = text.substr(0, end);
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!lines.starts_with(kVersion) || !read_number(lines.substr(kVersion.size()), head.status))
    return head;
  constexpr std::string_view kName = "\r\nContent-Length: ";
  size_t at = lines.find(kName);
  head.ok = has_no_body(head.status) || (at != std::string_view::npos &&
                                         read_number(lines.substr(at + kName.size()), head.body));
  return head;
}

// What stands in numbered bodies from a place on; it is the same in all of them, and is worked out
// once.
std::string_view filling(size_t from, size_t bytes) {
  static std::string pattern;
  while (pattern.size() < bytes)
    pattern += static_cast<char>('a' + (pattern.size() * 7 + pattern.size() / 26) % 26);
  return from < bytes ? std::string_view(pattern).substr(from, bytes - from) : std::string_view();
}

}  // namespace

std::string numbered_body(std::string_view target, size_t bytes) {
  std::string_view filled = filling(target.size(), bytes);
  std::string body;
  body.reserve(target.size() + filled.size());
  body += target;
  body += filled;
  return body;
}

bool is_numbered_body(std::string_view body, std::string_view target, size_t bytes) {
  return body.starts_with(target) && body.substr(target.size()) == filling(target.size(), bytes);
}

HttpClient::HttpClient(fakes::World& world, fakes::Network& network,
                       const HttpClientOptions& options, std::function<void(uint64_t)> on_answer)
    : Event(&woken),
      world_(world),
      network_(network),
      options_(options),
      on_answer_(std::move(on_answer)),
      arrivals_(options.arrival_seed),
      request_(request_for(options.path)) {
  // A large answer comes in many parts, and is not moved with each.
  if (options.body_bytes > 0) input_.reserve(options.body_bytes + kReceiveBytes);
}

HttpClient::~HttpClient() = default;

std::string HttpClient::request_for(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: simulated\r\n\r\n";
}

void HttpClient::start() {
  next_start_ns_ = world_.now_ns + options_.first_ns;
  act_at(next_start_ns_);
}

void HttpClient::stop() {
  stopping_ = true;
  act_at(world_.now_ns);
}

void HttpClient::act_at(uint64_t time_ns) {
  if (scheduled() && this->time_ns() <= time_ns) return;
  world_.events.schedule(*this, time_ns);
}

void HttpClient::changed(uint32_t) {
  act_at(world_.now_ns);
}

void HttpClient::woken(Event* event) {
  static_cast<HttpClient*>(event)->act();
}

bool HttpClient::wants_more() const {
  return !stopping_ && !options_.visits && (options_.requests == 0 || begun_ < options_.requests);
}

void HttpClient::act() {
  if (state_ == State::finished) return;
  if (state_ == State::idle) {
    if (stopping_) return finish();
    if (world_.now_ns < next_try_ns_) return act_at(next_try_ns_);
    connect();
    if (state_ == State::idle) return;
  }
  if (state_ == State::connecting) {
    if ((socket_->poll() & (POLLOUT | POLLERR | POLLHUP)) == 0) return;
    if (socket_->connect_error() != 0) return was_refused();
    state_ = State::open;
  }
  if (state_ == State::half_closed) return leave();
  if (state_ == State::finished || !receive()) return;
  if (options_.may_abort && world_.choices.one_in(fakes::ChoiceKind::program, 40)) {
    stats_.aborted = true;
    if (world_.choices.choose(fakes::ChoiceKind::program, 2) == 0) return finish();
    linger reset{.l_onoff = 1, .l_linger = 0};
    socket_->setsockopt(SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return finish();
  }
  if (state_ == State::open) {
    produce();
    if (!transmit()) return;
  }
  if (!wants_more() && starts_at_ == starts_.size() && output_at_ == output_.size()) leave();
}

void HttpClient::connect() {
  int error = 0;
  socket_ = network_.socket(AF_INET, SOCK_STREAM, 0, fakes::Side::outside, error);
  GATIO_ASSERT(socket_ != nullptr);
  socket_->add(*this);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int result = socket_->connect(reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (result != 0 && result != -EINPROGRESS) return was_refused();
  state_ = State::connecting;
}

void HttpClient::was_refused() {
  if (++tried_ < options_.tries) {
    unlink();
    socket_.reset();
    state_ = State::idle;
    next_try_ns_ = world_.now_ns + kRetryNs;
    return act_at(next_try_ns_);
  }
  ++stats_.refused;
  finish();
}

// Puts requests into the output: in a closed loop as many as may be unanswered, in an open loop
// those whose time has come.
void HttpClient::produce() {
  if (output_at_ == output_.size()) {
    output_.clear();
    output_at_ = 0;
  }
  while (wants_more() && starts_.size() - starts_at_ < options_.pipeline) {
    if (options_.interval_ns > 0) {
      if (next_start_ns_ > world_.now_ns) return act_at(next_start_ns_);
      starts_.push_back(next_start_ns_);
      next_start_ns_ += gap_ns();
    } else {
      starts_.push_back(world_.now_ns);
    }
    size_t before = output_.size();
    output_ += options_.numbered ? request_for("/" + std::to_string(begun_)) : request_;
    output_total_ += output_.size() - before;
    ends_at_.push_back(output_total_);
    ++begun_;
  }
}

// In an open loop, from one intended start to the next.
uint64_t HttpClient::gap_ns() {
  if (!options_.poisson) return options_.interval_ns;
  constexpr uint64_t kSteps = uint64_t{1} << 32;
  double share = (static_cast<double>(arrivals_.below(kSteps)) + 1) / double{kSteps};  // (0, 1]
  return static_cast<uint64_t>(-std::log(share) * static_cast<double>(options_.interval_ns));
}

// False when the connection has ended.
bool HttpClient::transmit() {
  while (output_at_ < output_.size()) {
    size_t bytes = output_.size() - output_at_;
    bool piece = options_.in_pieces && bytes > 1;
    if (piece) {
      bytes -= world_.choices.choose(fakes::ChoiceKind::program, static_cast<uint32_t>(bytes));
    }
    iovec part{.iov_base = output_.data() + output_at_, .iov_len = bytes};
    int64_t sent = socket_->send({&part, 1}, MSG_NOSIGNAL, nullptr, 0);
    if (sent == -EAGAIN) return true;
    if (sent < 0) {
      ended(static_cast<int>(sent));
      return false;
    }
    output_at_ += static_cast<size_t>(sent);
    uint64_t left = output_.size() - output_at_;
    // Of a request the first byte goes when the one before it has gone.
    for (size_t next = stats_.begun_ns.size();
         options_.numbered && next < ends_at_.size() &&
         (next == 0 || ends_at_[next - 1] < output_total_ - left);
         ++next)
      stats_.begun_ns.push_back(world_.now_ns);
    while (ends_first_ < ends_at_.size() && ends_at_[ends_first_] <= output_total_ - left) {
      ++ends_first_;
      ++stats_.sent;
      stats_.sent_ns.push_back(world_.now_ns);
    }
    if (piece && output_at_ < output_.size()) {
      // The rest comes a moment later.
      uint32_t pause_us = world_.choices.choose(fakes::ChoiceKind::program, options_.pause_us);
      act_at(world_.now_ns + 1'000 * (1 + uint64_t{pause_us}));
      return true;
    }
  }
  return true;
}

// False when the connection has ended.
bool HttpClient::receive() {
  char bytes[kReceiveBytes];  // not cleared: most of it stays unused
  for (;;) {
    iovec room{.iov_base = bytes, .iov_len = sizeof bytes};
    fakes::Received received = socket_->receive({&room, 1}, 0);
    if (received.result == -EAGAIN) return true;
    if (received.result > 0) {
      input_.append(bytes, static_cast<size_t>(received.result));
      stats_.bytes += static_cast<uint64_t>(received.result);
    }
    take_answers();
    if (received.result <= 0) {
      ended(static_cast<int>(received.result));
      return false;
    }
  }
}

void HttpClient::take_answers() {
  size_t at = 0;
  for (;;) {
    std::string_view rest = std::string_view(input_).substr(at);
    Head head = parse_head(rest);
    if (head.size == std::string_view::npos) break;
    if (!head.ok) {
      answer_is(false, std::string(rest.substr(0, 60)));
      at += head.size;
      continue;
    }
    if (rest.size() < head.size + head.body) break;
    std::string_view body = rest.substr(head.size, head.body);
    std::string target = "/" + std::to_string(stats_.answered);
    at += head.size + head.body;
    if (head.status != options_.status) {
      answer_is(false, "status " + std::to_string(head.status) + " instead of " +
                           std::to_string(options_.status));
      continue;
    }
    bool right = options_.numbered ? is_numbered_body(body, target, options_.body_bytes)
                                   : !options_.body || body == *options_.body;
    answer_is(right, std::string(body.substr(0, 60)));
  }
  input_.erase(0, at);
}

void HttpClient::answer_is(bool right, const std::string& what) {
  if (!right || starts_at_ == starts_.size()) {
    ++stats_.wrong;
    if (stats_.first_wrong.empty())
      stats_.first_wrong = right ? "an answer that nobody asked for" : what;
    if (starts_at_ < starts_.size()) ++starts_at_;
    return;
  }
  ++stats_.answered;
  if (options_.numbered) stats_.answered_ns.push_back(world_.now_ns);
  if (on_answer_) on_answer_(world_.now_ns - starts_[starts_at_]);
  ++starts_at_;
  if (starts_at_ == starts_.size()) {
    starts_.clear();
    starts_at_ = 0;
  }
}

void HttpClient::ended(int error) {
  if (error != 0) ++stats_.resets;
  if (!input_.empty()) ++stats_.partial;
  if (error != 0) return finish();
  // The server will say no more.
  state_ = State::half_closed;
  leave();
}

// When all is said it still stays for a while, as many clients do.
void HttpClient::leave() {
  if (leaves_ns_ == 0) leaves_ns_ = world_.now_ns + options_.stays_ns;
  if (options_.stays_ns > 0 && world_.now_ns < leaves_ns_) return act_at(leaves_ns_);
  finish();
}

void HttpClient::finish() {
  unlink();
  cancel();
  socket_.reset();
  state_ = State::finished;
}

}  // namespace gatio::harness
