#include "runtime/test_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace gatio::testing {

namespace {

constexpr int kGuardSeconds = 30;

socklen_t fill_address(sockaddr_storage& storage, const char* address, uint16_t port) {
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  inet_pton(AF_INET6, address, &v6.sin6_addr);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  return sizeof v6;
}

size_t content_length(const std::string& head) {
  const char* found = strcasestr(head.c_str(), "\r\ncontent-length:");
  return found == nullptr ? 0 : std::strtoul(found + 17, nullptr, 10);
}

// A thread that has closed a ring runs the kernel's clean-up later, which interrupts what it waits
// in.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

Client::Client(uint16_t port, const char* address, int receive_buffer) {
  sockaddr_storage target{};
  socklen_t size = fill_address(target, address, port);
  fd_ = ::socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval guard{.tv_sec = kGuardSeconds, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &guard, sizeof guard);
  int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer != 0)
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  auto* target_address = reinterpret_cast<sockaddr*>(&target);
  if (uninterrupted([&] { return ::connect(fd_, target_address, size); }) == 0) return;
  error_ = errno;
  close();
}

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      error_(other.error_),
      buffered_(std::move(other.buffered_)) {}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent =
        uninterrupted([&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent < 0) {
      error_ = errno;
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

size_t Client::send_some(std::string_view bytes) {
  ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

bool Client::fill() {
  char bytes[65536];
  ssize_t received = uninterrupted([&] { return ::recv(fd_, bytes, sizeof bytes, 0); });
  error_ = received < 0 ? errno : 0;
  if (received <= 0) return false;
  buffered_.append(bytes, static_cast<size_t>(received));
  return true;
}

Answer Client::read_answer(bool head_only) {
  Answer answer;
  auto ended = [&] {
    answer.end = error_ != 0         ? Answer::End::failed
                 : buffered_.empty() ? Answer::End::closed
                                     : Answer::End::partial;
    return answer;
  };
  size_t head_end;
  while ((head_end = buffered_.find("\r\n\r\n")) == buffered_.npos) {
    if (!fill()) return ended();
  }
  size_t head_size = head_end + 4;
  answer.head = buffered_.substr(0, head_size);
  if (answer.head.starts_with("HTTP/1.1 ")) answer.status = std::atoi(answer.head.c_str() + 9);
  size_t body_size = head_only ? 0 : content_length(answer.head);
  while (buffered_.size() < head_size + body_size) {
    if (!fill()) return ended();
  }
  answer.body = buffered_.substr(head_size, body_size);
  buffered_.erase(0, head_size + body_size);
  answer.end = Answer::End::whole;
  return answer;
}

std::string Client::read(size_t size) {
  while (buffered_.size() < size && fill()) {
  }
  std::string bytes = buffered_.substr(0, size);
  buffered_.erase(0, bytes.size());
  return bytes;
}

std::string Client::read_to_end() {
  while (fill()) {
  }
  return std::exchange(buffered_, {});
}

void Client::half_close() {
  ::shutdown(fd_, SHUT_WR);
}

void Client::reset() {
  linger option{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &option, sizeof option);
  close();
}

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

uint16_t Client::own_port() const {
  return port_of(fd_);
}

std::string get(std::string_view target, std::string_view more) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more) + "\r\n";
}

std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

int listen_on(uint16_t port, bool reuse_port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_storage address{};
  socklen_t size = fill_address(address, "127.0.0.1", port);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd, 16) == 0)
    return fd;
  int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

uint16_t port_of(int fd) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  return ntohs(own.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(own).sin6_port
                                         : reinterpret_cast<sockaddr_in&>(own).sin_port);
}

}  // namespace gatio::testing
