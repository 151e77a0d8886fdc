#include "harness/check_client.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

namespace gatio::harness {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kShownBytes = 60;

std::string shown(const std::string& text) {
  return text.size() <= kShownBytes ? text : text.substr(0, kShownBytes) + "...";
}

// One connection: sends a batch, reads its replies, sends the next.
class Connection {
 public:
  Connection(const CheckPlan& plan, CheckReport& report) : plan_(plan), report_(report) {
    llhttp_settings_init(&settings_);
    settings_.on_message_begin = [](llhttp_t* parser) { return of(parser).begin(); };
    settings_.on_body = [](llhttp_t* parser, const char* data, size_t size) {
      of(parser).body_.append(data, size);
      return 0;
    };
    settings_.on_message_complete = [](llhttp_t* parser) { return of(parser).complete(); };
    request_ =
        fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\n\r\n", plan.path, plan.address, plan.port);
  }
  Connection(const Connection&) = delete;
  ~Connection() { disconnect(); }

  // 0 or an errno.
  int connect() {
    disconnect();
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return errno;
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(plan_.port);
    if (inet_pton(AF_INET, plan_.address.c_str(), &address.sin_addr) != 1) return EINVAL;
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return errno;
    llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
    parser_.data = this;
    closing_ = false;
    return 0;
  }

  void disconnect() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool idle() const { return unanswered_ == 0; }
  [[nodiscard]] uint64_t unanswered() const { return unanswered_; }

  // A batch is small against any socket buffer, so a blocking send does not wait on a server that
  // reads.
  bool send(uint64_t count) {
    unanswered_ = count;
    std::string batch;
    for (uint64_t i = 0; i < count; ++i) batch += request_;
    for (size_t done = 0; done < batch.size();) {
      const ssize_t sent = ::send(fd_, batch.data() + done, batch.size() - done, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0)
        return broken(fmt::format("the connection broke while sending: {}", strerror(errno)));
      done += static_cast<size_t>(sent);
    }
    return true;
  }

  // Reads what is there. False: this connection is finished with, and why stands in the report.
  bool receive() {
    char buffer[65536];
    const ssize_t got = recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) return true;
      return broken(fmt::format("the connection broke: {}", strerror(errno)));
    }
    if (got == 0) return finished();
    report_.bytes += static_cast<uint64_t>(got);
    const llhttp_errno_t result = llhttp_execute(&parser_, buffer, static_cast<size_t>(got));
    if (result == HPE_OK || (closing_ && result == HPE_CLOSED_CONNECTION)) return true;
    return broken(fmt::format("a reply was no HTTP: {}", llhttp_get_error_reason(&parser_)));
  }

  // The server announced with `Connection: close` that this reply was the last one here.
  [[nodiscard]] bool closing() const { return closing_; }

 private:
  static Connection& of(llhttp_t* parser) { return *static_cast<Connection*>(parser->data); }

  int begin() {
    body_.clear();
    return 0;
  }

  int complete() {
    ++report_.replies;
    if (unanswered_ == 0) {
      wrong("a reply came that nobody asked for");
    } else {
      --unanswered_;
      compare();
    }
    closing_ = llhttp_should_keep_alive(&parser_) == 0;
    return 0;
  }

  void compare() {
    const Expectation& expect = plan_.expect;
    if (parser_.status_code != expect.status) {
      wrong(fmt::format("status {} instead of {}", static_cast<unsigned>(parser_.status_code),
                        expect.status));
    } else if (expect.body && body_ != *expect.body) {
      wrong(fmt::format("body \"{}\" instead of \"{}\"", shown(body_), shown(*expect.body)));
    }
  }

  void wrong(const std::string& sentence) {
    if (report_.wrong++ == 0)
      report_.first_wrong = fmt::format("reply {}: {}", report_.replies, sentence);
  }

  // All requests that are still open go without an answer.
  bool broken(const std::string& sentence) {
    wrong(fmt::format("{} with {} requests unanswered", sentence, unanswered_));
    unanswered_ = 0;
    return false;
  }

  bool finished() {
    if (llhttp_finish(&parser_) == HPE_OK && (closing_ || unanswered_ == 0)) {
      closing_ = true;
      return true;
    }
    return broken("the server closed the connection");
  }

  const CheckPlan& plan_;
  CheckReport& report_;
  llhttp_settings_t settings_{};
  llhttp_t parser_{};
  std::string request_;
  std::string body_;
  int fd_ = -1;
  uint64_t unanswered_ = 0;
  bool closing_ = false;
};

class Checker {
 public:
  Checker(const CheckPlan& plan, const Interrupt& interrupt)
      : plan_(plan), interrupt_(interrupt), to_send_(plan.requests) {}

  Result<CheckReport> run() {
    for (unsigned i = 0; i < plan_.connections && to_send_ > 0; ++i) {
      auto connection = std::make_unique<Connection>(plan_, report_);
      if (const int code = connection->connect(); code != 0) {
        return fail(code, fmt::format("cannot connect to {}:{}: {}", plan_.address, plan_.port,
                                      strerror(code)));
      }
      if (next_batch(*connection)) connections_.push_back(std::move(connection));
    }
    while (!connections_.empty() && turn()) {
    }
    return report_;
  }

 private:
  bool next_batch(Connection& connection) {
    if (plan_.most_ms > 0 && Clock::now() - start_ > std::chrono::milliseconds(plan_.most_ms)) {
      report_.cut_short = report_.cut_short || to_send_ > 0;
      to_send_ = 0;
    }
    const uint64_t count = std::min<uint64_t>(plan_.pipeline, to_send_);
    to_send_ -= count;
    return count > 0 && connection.send(count);
  }

  // Waits for bytes on any connection and serves each that has some; false when it is over.
  bool turn() {
    std::vector<pollfd> watched{{interrupt_.fd(), POLLIN, 0}};
    for (const auto& connection : connections_) watched.push_back({connection->fd(), POLLIN, 0});
    const int ready = poll(watched.data(), watched.size(), plan_.silence_ms);
    if (watched[0].revents != 0) {
      report_.interrupted = true;
      return false;
    }
    if (ready == 0) {
      ++report_.wrong;
      if (report_.first_wrong.empty()) {
        report_.first_wrong =
            fmt::format("no answer for {} ms after {} replies", plan_.silence_ms, report_.replies);
      }
      return false;
    }
    for (size_t i = connections_.size(); i > 0; --i) {  // from behind, because the finished ones go
      if (watched[i].revents != 0 && !serve(*connections_[i - 1])) {
        connections_.erase(connections_.begin() + static_cast<ptrdiff_t>(i - 1));
      }
    }
    return true;
  }

  bool serve(Connection& connection) {
    if (!connection.receive()) return reconnect(connection);
    if (connection.closing()) {
      to_send_ +=
          connection.unanswered();  // asked on a connection that the server had closed: ask again
      return reconnect(connection);
    }
    return !connection.idle() || next_batch(connection);
  }

  bool reconnect(Connection& connection) {
    return to_send_ > 0 && connection.connect() == 0 && next_batch(connection);
  }

  const CheckPlan& plan_;
  const Interrupt& interrupt_;
  const Clock::time_point start_ = Clock::now();
  uint64_t to_send_;
  CheckReport report_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace

Result<CheckReport> check_replies(const CheckPlan& plan, const Interrupt& interrupt) {
  return Checker(plan, interrupt).run();
}

}  // namespace gatio::harness
