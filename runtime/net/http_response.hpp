// Writes one response into a connection's Output. A handler sets status and headers and then the
// body; finish() completes it. What a handler gets wrong (a status out of range, a line break in a
// header) cannot reach the wire: the response becomes a 500. Nothing is allocated but what the
// Output needs to grow. Used by the one task that answers; only one Response at a time per Output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/net/http_bytes.hpp"
#include "runtime/net/http_request.hpp"

namespace gatio::http {

class Response {
 public:
  // `date` is the text of the Date header and outlives the response. `request` is only read here.
  Response(Output& output, std::string_view date, const Request& request);
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;
  ~Response() { finish(); }

  // 200 to 599; 200 when it is not called.
  Response& status(int status);
  // Adds a header line; content-type replaces the one before. Refused, and so a 500: a name that is
  // no token, CR, LF, NUL or another control byte in the value, and what the server itself says:
  // Content-Length, Transfer-Encoding, Connection and Date.
  Response& header(std::string_view name, std::string_view value);
  Response& content_type(std::string_view type);
  // Copies the body into the output; a later call replaces it. Cheapest when it comes last.
  Response& body(std::string_view body);
  // Closes the connection after this response.
  Response& close();
  // False when the response has become a 500.
  [[nodiscard]] bool ok() const { return !failed_; }
  // Whether the connection is to be closed once this response is sent.
  [[nodiscard]] bool closes() const { return connection_ == Connection::Close; }

  // Completes the response; also done by the destructor. Nothing can be changed afterwards. Throws
  // std::bad_alloc when the output finds no memory: abandon() it then, before it is destroyed.
  void finish();
  // Takes everything of this response out of the output again.
  void abandon() {
    output_->truncate(start_);
    finished_ = true;
  }

 private:
  enum class Connection : uint8_t { KeepAlive, KeepAliveSaid, Close };

  void add_line(std::string_view name, std::string_view value);
  void remove_prefix();
  void render(std::string_view body);
  void fail() { failed_ = true; }
  [[nodiscard]] bool has_body() const { return !head_ && status_ != 204 && status_ != 304; }

  // In the output, from start_: [prefix][header lines][blank line][body]; the prefix (status line
  // and our own headers) and the blank line are there once body() was called.
  Output* output_;
  std::string_view date_;
  size_t start_;
  size_t prefix_size_ = 0;
  size_t lines_size_ = 0;
  size_t body_size_ = 0;    // as Content-Length says, also where no body is sent
  size_t type_offset_ = 0;  // of the Content-Type line among the header lines
  size_t type_size_ = 0;    // 0: none yet
  int status_ = 200;
  Connection connection_;
  bool head_;
  bool rendered_ = false;
  bool failed_ = false;
  bool finished_ = false;
};

// "Not Found" for 404; empty for a status without a name.
[[nodiscard]] std::string_view reason_phrase(int status);

// The interim response that is due when Outcome::expect_continue is set.
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// A whole response with a short text as its body, for what no handler answers.
void append_error(Output& output, int status, std::string_view date, bool close);

}  // namespace gatio::http
