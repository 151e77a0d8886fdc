// The HTTP/1.1 side of a connection: parses what arrives, gives each batch of requests to a driver
// that may execute, sends the answers in order. Lives on its io driver as the connection does; runs
// no user's task itself unless that driver also executes (design R1).
#pragma once

#include <cstdint>
#include <string>

#include "runtime/net/connection.hpp"
#include "runtime/net/http_date.hpp"
#include "runtime/net/http_exchange.hpp"
#include "runtime/net/http_head.hpp"
#include "runtime/net/http_parser.hpp"

namespace gatio::http {

// What the sessions of one port on one driver share; owned by the listener.
struct SessionSettings {
  const Handler* handler = nullptr;
  Limits limits;
  DateCache date;
  uint64_t date_checked_ns = 0;  // when the wall clock was last read
};

class Session final : public Connection {
 public:
  Session(ConnectionHost& host, int fd, SessionSettings& settings);

 private:
  // The Exchange knows the session it belongs to.
  struct OwnExchange : Exchange {
    OwnExchange(Session* its_session, const Handler& handler, std::pmr::memory_resource* memory);
    Session* session;
  };

  void on_received() override;
  void on_broken() override;
  void on_drain() override;
  void on_timeout() override;
  void on_sending() override { begin_idle_time(); }
  [[nodiscard]] bool busy() const override { return exchange_.running(); }
  [[nodiscard]] bool has_rest() const override {
    return !exchange_.running() && exchange_.has_more();
  }

  // No handler begins while so much waits to be sent: a client that sends requests and reads no
  // answers costs this and one answer, however many requests arrive at once.
  static constexpr size_t kMostOutputBytes = 256 * 1024;
  static constexpr size_t kKeptOutputBytes = 16 * 1024;

  bool parse(Chunk& chunk);
  void run_batch();
  bool detach_batch();
  [[nodiscard]] size_t output_bytes() const { return sending_.size() + exchange_.output.size(); }
  void answered();
  void after_answers();
  void say_what_is_due();
  [[nodiscard]] bool nothing_waits() const;
  [[nodiscard]] bool drained() const;
  void begin_idle_time();
  void answer_error(int status);
  void flush();
  void give_back_chunk();
  void watch_header_time();
  void begin_header_time();
  [[nodiscard]] Driver* executing_driver();
  std::string_view date();
  static void exchange_finished(Exchange* exchange);
  static void output_sent(SendRequest* request, int error);

  SessionSettings& settings_;
  Parser parser_;
  Outcome outcome_;
  OwnExchange exchange_;
  Chunk* held_chunk_ = nullptr;  // the handlers' views point into it
  Output sending_;               // what the send in flight points at
  struct OwnSend : SendRequest {
    Session* session = nullptr;
  } send_;
  size_t answers_waiting_ = 0;  // in the exchange's output
  size_t answers_sending_ = 0;
  bool in_request_ = false;  // part of a request is here: the header time-out runs
  bool receiving_ = false;   // on_received() is further up the stack
};

}  // namespace gatio::http
