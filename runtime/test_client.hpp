// A client for tests: a plain blocking socket of its own, with a receive time-out that only keeps a
// broken test from hanging, and just enough HTTP to tell a whole answer from a part of one. For
// tests only; used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gatio::testing {

struct Answer {
  enum class End { whole, closed, partial, failed };  // closed: EOF before its first byte
  End end = End::closed;
  int status = 0;
  std::string head;
  std::string body;
  [[nodiscard]] bool whole() const { return end == End::whole; }
  [[nodiscard]] bool has(std::string_view text) const { return head.find(text) != head.npos; }
};

class Client {
 public:
  // Connects; connected() says whether that worked. `receive_buffer` other than 0 is set before.
  explicit Client(uint16_t port, const char* address = "127.0.0.1", int receive_buffer = 0);
  ~Client() { close(); }
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  // The errno of the last call that failed.
  [[nodiscard]] int error() const { return error_; }

  // All of it; false when the peer is gone.
  bool send(std::string_view bytes);
  // As much as the socket takes at once, without waiting.
  size_t send_some(std::string_view bytes);
  // The next answer: of a HEAD it has no body.
  Answer read_answer(bool head_only = false);
  Answer ask(std::string_view request) {
    send(request);
    return read_answer();
  }
  // `size` bytes, or less when the stream ends.
  std::string read(size_t size);
  // Everything up to the end of the stream; error() tells EOF (0) from a reset.
  std::string read_to_end();
  // Whether the peer ends its stream without another byte, and without a reset.
  bool ends_cleanly() { return read_to_end().empty() && error_ == 0; }

  void half_close();
  void reset();  // closes with an RST
  void close();
  [[nodiscard]] uint16_t own_port() const;

 private:
  bool fill();

  int fd_ = -1;
  int error_ = 0;
  std::string buffered_;
};

// "GET target HTTP/1.1" with a Host and `more` header lines, each ended by CRLF.
std::string get(std::string_view target, std::string_view more = "");
std::string post(std::string_view target, std::string_view body);

// A listening socket of the test's own on 127.0.0.1, or -1 with errno.
int listen_on(uint16_t port, bool reuse_port);
uint16_t port_of(int fd);

}  // namespace gatio::testing
