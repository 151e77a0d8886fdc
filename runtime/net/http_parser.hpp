// Turns received bytes into requests. One per connection, owned by it, used by its io driver only.
// llhttp reads the request line, the fields and the chunks; this class finds where a head ends,
// holds what straddles receives within bounds, and refuses whatever two servers might read
// differently. A request that lies wholly in one receive is not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>

#include "runtime/net/http_batch.hpp"
#include "runtime/net/http_bytes.hpp"
#include "runtime/net/http_head.hpp"

namespace gatio::http {

struct Outcome {
  enum class State : uint8_t {
    NeedMore,  // go on receiving
    Close,     // answer the batch, then close: no further request will be read
    Error,     // answer the batch, then `status`, then close
  };
  State state = State::NeedMore;
  int status = 0;  // for Error: 400, 413, 414, 417, 431, 501 or 505
  // The client waits for "100 Continue" before it sends the body of the unfinished request.
  bool expect_continue = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class Parser {
 public:
  // `limits` outlives the parser: it is the port's.
  Parser(const Limits& limits, std::pmr::memory_resource* memory);

  // Parses `bytes`, adding each request that became complete to `batch`. The bytes must stay in
  // place until the batch is cleared, destroyed or detached. After Close or Error further bytes
  // are ignored and the same is returned again.
  Outcome feed(std::span<const char> bytes, Batch& batch);

  // Bytes of an unfinished request are held: the header time-out runs rather than the idle one.
  [[nodiscard]] bool in_request() const {
    return phase_ != Phase::Stopped && (phase_ != Phase::Head || !held_.empty());
  }
  // The head of that request is complete, and its body is being received.
  [[nodiscard]] bool in_body() const {
    return phase_ == Phase::Body || phase_ == Phase::Chunks || phase_ == Phase::Trailers;
  }

 private:
  enum class Phase : uint8_t { Head, Body, Chunks, Trailers, Stopped };
  struct Callbacks;

  void step_head(Batch& batch);
  void step_head_in_place(Batch& batch);
  void step_head_held(Batch& batch);
  void step_body(Batch& batch);
  void step_chunks();
  void step_trailers(Batch& batch);

  size_t find_block_end(std::string_view block);
  bool check_size_of_head(size_t size);
  size_t take_block();
  bool parse_head(std::string_view head, Batch& batch);
  int refusal_of_head(int error, std::string_view head);
  void begin_body();
  void commit(Batch& batch);
  void finish_held(Batch& batch);
  void fail(int status);
  void hold(std::string_view bytes) { held_.append(bytes); }
  [[nodiscard]] std::string_view rest() const {
    return {cursor_, static_cast<size_t>(end_ - cursor_)};
  }

  const Limits* limits_;
  // An llhttp_t, which only http_parser.cpp knows; its size is checked there.
  alignas(8) unsigned char llhttp_[112];
  Bytes held_;  // of the unfinished request: its head, its body so far, then its trailers so far
  const char* cursor_ = nullptr;  // in the bytes being fed
  const char* end_ = nullptr;
  Batch* batch_ = nullptr;  // during a parse of a head, for the callbacks
  RequestRecord record_;
  Framing framing_;
  Outcome outcome_;
  size_t block_start_ = 0;    // in held_: where the head or the trailers begin
  size_t line_start_ = 0;     // in the head or trailers: the line that is not complete yet
  size_t line_count_ = 0;     // lines of the head, the request line and the blank one included
  size_t request_line_ = 0;   // size of the request line with its CRLF; 0 before it is complete
  size_t head_size_ = 0;      // in held_, once the head is complete
  size_t field_count_ = 0;    // of trailers
  size_t framing_bytes_ = 0;  // of chunks: all that is not body
  int callback_status_ = 0;   // why a callback stopped llhttp; 0 when it did not
  Phase phase_ = Phase::Head;
};

}  // namespace gatio::http
