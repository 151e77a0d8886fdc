#include "runtime/net/http_parser.hpp"

#include <llhttp.h>

#include <algorithm>
#include <cstring>

namespace gatio::http {
namespace {

// A request line holds, besides its target, a method of at most 11 letters, two spaces, the version
// and CRLF: when it is this much longer than the longest target, the target is too long.
constexpr size_t kRequestLineSlack = 32;
// What an idle connection may keep for its next straddling request.
constexpr size_t kKeptCapacity = 64 * 1024;
// Plain chunks of one byte cost five bytes of framing each; what is beyond this is abuse.
constexpr size_t kFramingPerBodyByte = 8;

llhttp_t* llhttp_in(unsigned char* storage) {
  return reinterpret_cast<llhttp_t*>(storage);
}

}  // namespace

// What llhttp calls. It is C without unwind tables, so nothing in here may throw: room for headers
// and body is made before llhttp runs.
struct Parser::Callbacks {
  static Parser& of(llhttp_t* llhttp) { return *static_cast<Parser*>(llhttp->data); }

  static int stop(Parser& parser, int status) {
    parser.callback_status_ = status;
    return HPE_USER;
  }
  static int on_target(llhttp_t* llhttp, const char* at, size_t size) {
    of(llhttp).record_.target = {at, size};
    return 0;
  }
  static int on_field(llhttp_t* llhttp, const char* at, size_t size) {
    Parser& parser = of(llhttp);
    if (size == 0) return stop(parser, 400);  // llhttp takes a line that begins with the colon
    if (++parser.field_count_ > parser.limits_->header_count) return stop(parser, 431);
    if (parser.phase_ != Phase::Trailers) parser.batch_->add_header({{at, size}, {at + size, 0}});
    return 0;
  }
  static int on_value(llhttp_t* llhttp, const char* at, size_t size) {
    Parser& parser = of(llhttp);
    if (parser.phase_ == Phase::Trailers) return 0;
    parser.batch_->opened_headers().back().value = without_trailing_space({at, size});
    return 0;
  }
  static int on_headers_complete(llhttp_t* llhttp) {
    llhttp->upgrade = 0;  // we switch to no other protocol: the body is read as usual
    return HPE_PAUSED;
  }
  static int on_chunk_header(llhttp_t* llhttp) {
    Parser& parser = of(llhttp);
    uint64_t body = parser.held_.size() - parser.head_size_;
    if (llhttp->content_length > parser.limits_->body_bytes - body) return stop(parser, 413);
    return llhttp->content_length == 0 ? HPE_PAUSED : 0;
  }
  static int on_body(llhttp_t* llhttp, const char* at, size_t size) {
    of(llhttp).hold({at, size});
    return 0;
  }
  static int on_message_complete(llhttp_t*) { return HPE_PAUSED; }

  static const llhttp_settings_t* settings() {
    static const llhttp_settings_t all = [] {
      llhttp_settings_t settings{};
      settings.on_url = on_target;
      settings.on_header_field = on_field;
      settings.on_header_value = on_value;
      settings.on_headers_complete = on_headers_complete;
      settings.on_chunk_header = on_chunk_header;
      settings.on_body = on_body;
      settings.on_message_complete = on_message_complete;
      return settings;
    }();
    return &all;
  }
};

Parser::Parser(const Limits& limits, std::pmr::memory_resource* memory)
    : limits_(&limits), held_(memory) {
  static_assert(sizeof(llhttp_t) <= sizeof(llhttp_) && alignof(llhttp_t) <= 8);
  llhttp_init(llhttp_in(llhttp_), HTTP_REQUEST, Callbacks::settings());
  // Versions are judged here, so that a wrong one is a 505 and not just malformed.
  llhttp_in(llhttp_)->lenient_flags |= LENIENT_VERSION;
}

Outcome Parser::feed(std::span<const char> bytes, Batch& batch) {
  outcome_.expect_continue = false;
  cursor_ = bytes.data();
  end_ = cursor_ + bytes.size();
  while (cursor_ != end_ && phase_ != Phase::Stopped) {
    switch (phase_) {
      case Phase::Head:
        step_head(batch);
        break;
      case Phase::Body:
        step_body(batch);
        break;
      case Phase::Chunks:
        step_chunks();
        break;
      case Phase::Trailers:
        step_trailers(batch);
        break;
      case Phase::Stopped:
        break;
    }
  }
  return outcome_;
}

void Parser::fail(int status) {
  outcome_ = {Outcome::State::Error, status, false};
  phase_ = Phase::Stopped;
  held_.release();
}

void Parser::step_head(Batch& batch) {
  if (held_.empty()) {
    step_head_in_place(batch);
  } else {
    step_head_held(batch);
  }
}

void Parser::step_head_in_place(Batch& batch) {
  // RFC 9112, 2.2: empty lines before a request line are skipped.
  while (rest().starts_with("\r\n")) cursor_ += 2;
  if (cursor_ == end_) return;
  line_start_ = line_count_ = request_line_ = block_start_ = 0;
  // What is no request is refused at once, unless it may be the first half of an empty line.
  bool half = rest() == "\r";
  if (!half && !is_token(rest().substr(0, 1))) return fail(400);
  std::string_view block = rest().substr(0, limits_->header_bytes + 1);
  size_t size = find_block_end(block);
  if (phase_ == Phase::Stopped) return;
  if (size == 0) {
    if (!check_size_of_head(block.size())) return;
    hold(rest());
    cursor_ = end_;
    return;
  }
  std::string_view head = rest().substr(0, size);
  if (!check_size_of_head(size) || !parse_head(head, batch)) return;
  if (!framing_.chunked && framing_.content_length <= rest().size() - size) {
    record_.raw = rest().substr(0, size + framing_.content_length);
    record_.owned = false;
    record_.body = record_.raw.substr(size);
    cursor_ += record_.raw.size();
    commit(batch);
    return;
  }
  batch.roll_back();
  hold(head);
  cursor_ += size;
  begin_body();
}

void Parser::step_head_held(Batch& batch) {
  size_t before = held_.size();
  size_t size = take_block();
  if (phase_ == Phase::Stopped) return;
  if (held_.view().starts_with('\r')) {  // half of an empty line was held
    if (!held_.view().starts_with("\r\n")) return fail(400);
    cursor_ -= held_.size() - before - 1;
    held_.clear();
    return;
  }
  if (!check_size_of_head(held_.size()) || size == 0) return;
  if (!parse_head(held_.view(), batch)) return;
  batch.roll_back();
  if (framing_.chunked || framing_.content_length > 0) return begin_body();
  head_size_ = size;
  finish_held(batch);
}

// Adds bytes to the block of lines at the end of `held_`, within the limit. Returns its size once
// it is complete, and leaves what follows it in the bytes being fed; 0 before.
size_t Parser::take_block() {
  size_t room = limits_->header_bytes + 1 - (held_.size() - block_start_);
  std::string_view taken = rest().substr(0, room);
  hold(taken);
  cursor_ += taken.size();
  std::string_view block = held_.view().substr(block_start_);
  if (phase_ == Phase::Head && block.starts_with('\r')) return 0;
  size_t size = find_block_end(block);
  if (phase_ == Phase::Stopped || size == 0) return 0;
  cursor_ -= block.size() - size;
  held_.truncate(block_start_ + size);
  return size;
}

// Looks for the blank line that ends a head or the trailers, from the line where the last look
// stopped. Refuses a bare LF and folded lines here; llhttp refuses a bare CR.
size_t Parser::find_block_end(std::string_view block) {
  for (;;) {
    const char* line = block.data() + line_start_;
    size_t left = block.size() - line_start_;
    if (left == 0) return 0;
    if (*line == ' ' || *line == '\t') {
      fail(400);
      return 0;
    }
    const char* newline = static_cast<const char*>(std::memchr(line, '\n', left));
    if (newline == nullptr) return 0;
    if (newline == line || newline[-1] != '\r') {
      fail(400);
      return 0;
    }
    line_start_ = static_cast<size_t>(newline + 1 - block.data());
    if (phase_ == Phase::Head) {
      if (request_line_ == 0) request_line_ = line_start_;
      ++line_count_;
    }
    if (newline == line + 1) return line_start_;
  }
}

bool Parser::check_size_of_head(size_t size) {
  size_t line = request_line_ == 0 ? size : request_line_;
  if (line > limits_->target_bytes + kRequestLineSlack) {
    fail(414);
  } else if (size > limits_->header_bytes) {
    fail(431);
  }
  return phase_ != Phase::Stopped;
}

// Fills record_ and framing_, and adds the headers to the batch as an open request.
bool Parser::parse_head(std::string_view head, Batch& batch) {
  llhttp_t* llhttp = llhttp_in(llhttp_);
  batch.open(std::min(line_count_, limits_->header_count));
  llhttp_reset(llhttp);  // nothing of the last request can leak into this one
  llhttp->data = this;
  batch_ = &batch;
  callback_status_ = 0;
  field_count_ = 0;
  int error = llhttp_execute(llhttp, head.data(), head.size());
  int status = 0;
  // Both must agree where the head ends, or llhttp has read something else than we have.
  if (error != HPE_PAUSED || llhttp_get_error_pos(llhttp) != head.data() + head.size()) {
    status = refusal_of_head(error, head);
  } else {
    status = check_request_line(head.substr(0, request_line_ - 2), *limits_, record_);
    if (status == 0) {
      status = check_headers(batch.opened_headers(), llhttp->content_length, *limits_, record_,
                             framing_);
    }
  }
  if (status == 0) return true;
  batch.roll_back();
  fail(status);
  return false;
}

// The status for a head that llhttp refuses.
int Parser::refusal_of_head(int error, std::string_view head) {
  if (callback_status_ != 0) return callback_status_;
  if (head.starts_with("PRI * HTTP/2.0\r\n")) return 505;
  // llhttp has a second word for methods that it knows from RTSP only.
  bool foreign = error == HPE_INVALID_CONSTANT && llhttp_in(llhttp_)->method >= HTTP_PRI;
  bool unknown = error == HPE_INVALID_METHOD || foreign;
  return unknown && head.find(' ') != head.npos && is_token(head.substr(0, head.find(' '))) ? 501
                                                                                            : 400;
}

// The head is complete in `held_`; its body is to come.
void Parser::begin_body() {
  head_size_ = held_.size();
  // A client that has sent a part already does not wait.
  outcome_.expect_continue = framing_.expect_continue && cursor_ == end_;
  phase_ = framing_.chunked ? Phase::Chunks : Phase::Body;
  framing_bytes_ = 0;
  llhttp_resume(llhttp_in(llhttp_));
}

void Parser::step_body(Batch& batch) {
  size_t missing = head_size_ + framing_.content_length - held_.size();
  std::string_view taken = rest().substr(0, missing);
  hold(taken);
  cursor_ += taken.size();
  if (taken.size() == missing) finish_held(batch);
}

void Parser::step_chunks() {
  llhttp_t* llhttp = llhttp_in(llhttp_);
  size_t before = held_.size();
  held_.reserve(before + rest().size());
  llhttp->data = this;
  int error = llhttp_execute(llhttp, cursor_, rest().size());
  if (error != HPE_OK && error != HPE_PAUSED)
    return fail(callback_status_ == 0 ? 400 : callback_status_);
  const char* stop = error == HPE_PAUSED ? llhttp_get_error_pos(llhttp) : end_;
  framing_bytes_ += static_cast<size_t>(stop - cursor_) - (held_.size() - before);
  cursor_ = stop;
  size_t body = held_.size() - head_size_;
  if (framing_bytes_ > limits_->header_bytes + kFramingPerBodyByte * body) return fail(413);
  if (error == HPE_OK) return;
  phase_ = Phase::Trailers;
  block_start_ = held_.size();
  line_start_ = 0;
  field_count_ = 0;
}

void Parser::step_trailers(Batch& batch) {
  size_t size = take_block();
  if (phase_ == Phase::Stopped) return;
  if (held_.size() - block_start_ > limits_->header_bytes) return fail(431);
  if (size == 0) return;
  llhttp_t* llhttp = llhttp_in(llhttp_);
  const char* block = held_.data() + block_start_;
  llhttp_resume(llhttp);
  llhttp->data = this;
  int error = llhttp_execute(llhttp, block, size);
  if (callback_status_ != 0) return fail(callback_status_);
  if (error != HPE_PAUSED || llhttp_get_error_pos(llhttp) != block + size) return fail(400);
  held_.truncate(block_start_);  // trailers are checked and dropped
  finish_held(batch);
}

// The request in `held_` is complete: it moves to the batch, and its head is read again in place.
void Parser::finish_held(Batch& batch) {
  std::string_view raw = batch.store(held_.view());
  phase_ = Phase::Head;
  bool good = parse_head(raw.substr(0, head_size_), batch);
  GATIO_ASSERT(good);
  record_.raw = raw;
  record_.owned = true;
  record_.body = raw.substr(head_size_);
  if (held_.capacity() > kKeptCapacity) held_.release();
  held_.clear();
  commit(batch);
}

void Parser::commit(Batch& batch) {
  batch.commit(record_);
  if (record_.keep_alive) return;
  outcome_.state = Outcome::State::Close;
  phase_ = Phase::Stopped;
}

}  // namespace gatio::http
