#include "runtime/net/http_response.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "runtime/net/http_head.hpp"

namespace gatio::http {
namespace {

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: ";
constexpr std::string_view kLength = "\r\nContent-Length: ";
constexpr std::string_view kDate = "\r\nDate: ";
constexpr std::string_view kClose = "\r\nConnection: close";
constexpr std::string_view kKeepAlive = "\r\nConnection: keep-alive";
constexpr std::string_view kEnd = "\r\n";
// The longest prefix: status line, length, date and connection, with some air.
constexpr size_t kMostPrefix = 256;
constexpr size_t kMostDate = 64;

struct Reason {
  int status;
  std::string_view phrase;
};
constexpr auto kReasons = std::to_array<Reason>({
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});
static_assert(std::ranges::is_sorted(kReasons, {}, &Reason::status));

char* put(char* place, std::string_view text) {
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  return place + text.size();
}

char* put_number(char* place, size_t number) {
  return std::to_chars(place, place + 20, number).ptr;
}

bool is_field_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 4> kOurs = {"content-length", "transfer-encoding",
                                                     "connection", "date"};
  return std::any_of(kOurs.begin(), kOurs.end(),
                     [&](std::string_view ours) { return same_ignoring_case(name, ours); });
}

// Status line, length, date and connection, up to the line end before the next header line.
size_t write_prefix(char* place, int status, bool with_length, size_t length, std::string_view date,
                    std::string_view connection) {
  GATIO_ASSERT(date.size() <= kMostDate);
  char* p = place;
  if (status == 200) {
    p = put(p, kOk);
    p = put_number(p, length);
  } else {
    p = put(p, "HTTP/1.1 ");
    p = put_number(p, static_cast<size_t>(status));
    p = put(p, " ");
    p = put(p, reason_phrase(status));
    if (with_length) p = put_number(put(p, kLength), length);
  }
  p = put(p, kDate);
  p = put(p, date);
  p = put(p, connection);
  p = put(p, kEnd);
  return static_cast<size_t>(p - place);
}

}  // namespace

Response::Response(Output& output, std::string_view date, const Request& request)
    : output_(&output),
      date_(date),
      start_(output.size()),
      head_(request.method() == Method::Head) {
  if (!request.keep_alive()) {
    connection_ = Connection::Close;
  } else {
    // An HTTP/1.0 client must be told that the connection stays.
    connection_ = request.version_minor() == 0 ? Connection::KeepAliveSaid : Connection::KeepAlive;
  }
}

Response& Response::status(int status) {
  remove_prefix();
  if (status < 200 || status > 599) {
    fail();
  } else {
    status_ = status;
  }
  return *this;
}

Response& Response::header(std::string_view name, std::string_view value) {
  if (same_ignoring_case(name, "content-type")) return content_type(value);
  if (!is_token(name) || !is_field_value(value) || is_ours(name)) {
    fail();
    return *this;
  }
  add_line(name, value);
  return *this;
}

Response& Response::content_type(std::string_view type) {
  if (!is_field_value(type)) {
    fail();
    return *this;
  }
  remove_prefix();
  output_->erase(start_ + type_offset_, type_size_);
  lines_size_ -= type_size_;
  type_offset_ = lines_size_;
  add_line("Content-Type", type);
  type_size_ = lines_size_ - type_offset_;
  return *this;
}

void Response::add_line(std::string_view name, std::string_view value) {
  GATIO_ASSERT(!finished_);
  remove_prefix();
  size_t size = name.size() + value.size() + 4;
  char* p = output_->insert(start_ + lines_size_, size);
  p = put(p, name);
  p = put(p, ": ");
  p = put(p, value);
  put(p, kEnd);
  lines_size_ += size;
}

Response& Response::close() {
  remove_prefix();
  connection_ = Connection::Close;
  return *this;
}

Response& Response::body(std::string_view body) {
  GATIO_ASSERT(!finished_);
  remove_prefix();
  output_->truncate(start_ + lines_size_);
  body_size_ = body.size();
  render(body);
  return *this;
}

// Back to [header lines][body], after something was changed behind the body's back.
void Response::remove_prefix() {
  GATIO_ASSERT(!finished_);
  if (!rendered_) return;
  output_->erase(start_, prefix_size_);
  output_->erase(start_ + lines_size_, kEnd.size());
  rendered_ = false;
}

// Puts the prefix and the blank line around the header lines; `body` follows what is there already.
void Response::render(std::string_view body) {
  constexpr std::array<std::string_view, 3> kConnections = {"", kKeepAlive, kClose};
  bool with_length = status_ != 204 && status_ != 304;
  char prefix[kMostPrefix];
  prefix_size_ = write_prefix(prefix, status_, with_length, body_size_, date_,
                              kConnections[static_cast<size_t>(connection_)]);
  output_->reserve(output_->size() + prefix_size_ + kEnd.size() + body.size());
  put(output_->insert(start_, prefix_size_), {prefix, prefix_size_});
  put(output_->insert(start_ + prefix_size_ + lines_size_, kEnd.size()), kEnd);
  if (has_body()) {
    output_->append(body);
  } else {
    output_->truncate(start_ + prefix_size_ + lines_size_ + kEnd.size());
  }
  rendered_ = true;
}

void Response::finish() {
  if (finished_) return;
  if (failed_) {
    output_->truncate(start_);
    rendered_ = false;
    status_ = 500;
    lines_size_ = type_size_ = type_offset_ = 0;
    constexpr std::string_view kText = "500 Internal Server Error\n";
    add_line("Content-Type", "text/plain");
    body_size_ = kText.size();
    render(kText);
  } else if (!rendered_) {
    render({});
  }
  finished_ = true;
}

void append_error(Output& output, int status, std::string_view date, bool close) {
  GATIO_ASSERT(status >= 200 && status <= 599);
  std::string_view reason = reason_phrase(status);
  constexpr std::string_view kType = "Content-Type: text/plain\r\n\r\n";
  size_t length = 4 + reason.size() + 1;
  char text[kMostPrefix + kType.size() + 64];
  size_t prefix = write_prefix(text, status, true, length, date, close ? kClose : "");
  char* p = put(text + prefix, kType);
  p = put_number(p, static_cast<size_t>(status));
  p = put(p, " ");
  p = put(p, reason);
  p = put(p, "\n");
  output.append({text, static_cast<size_t>(p - text)});
}

std::string_view reason_phrase(int status) {
  auto found = std::ranges::lower_bound(kReasons, status, {}, &Reason::status);
  return found != kReasons.end() && found->status == status ? found->phrase : std::string_view{};
}

}  // namespace gatio::http
