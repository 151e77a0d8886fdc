// A simulated HTTP client: a connection from outside of the machine that sends requests, whole or
// in pieces, one after the other or several at once, and checks every byte that comes back. It
// lives in the fake network and is driven by its events alone. Owned by a simulation; its one
// thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fakes/network.hpp"
#include "fakes/world.hpp"

namespace gatio::harness {

struct HttpClientOptions {
  uint16_t port = 0;         // of 127.0.0.1
  uint32_t requests = 1;     // then it closes; 0: until stop()
  uint32_t pipeline = 1;     // how many may be unanswered
  uint64_t interval_ns = 0;  // between intended starts (an open loop); 0: a closed loop
  uint64_t first_ns = 0;     // when it begins, after start()
  bool poisson = false;      // the intervals are exponential with that mean, from arrival_seed
  uint64_t arrival_seed = 1;
  bool in_pieces = false;  // cuts its requests where choices say
  bool may_abort = false;  // may close, half-close or reset when choices say
  bool numbered = false;   // request N asks for "/N", and its answer must be numbered_body()
  size_t body_bytes = 0;   // of a numbered answer, at least
  uint32_t pause_us = 64;  // between two pieces, at most
  uint32_t tries = 1;      // how often it connects before it takes a refusal for an answer
  bool visits = false;     // connects and asks for nothing
  uint64_t stays_ns = 0;   // how long it stays when all is said, whatever the server does
  std::string path = "/";
  unsigned status = 200;                              // what each answer must have
  std::optional<std::string> body = "Hello, World!";  // what each answer must be, if it matters
};

// What a server answers to a numbered request: its target, and then what fills it up to `bytes`.
std::string numbered_body(std::string_view target, size_t bytes);
[[nodiscard]] bool is_numbered_body(std::string_view body, std::string_view target, size_t bytes);

struct HttpClientStats {
  uint64_t sent = 0;  // requests of which the last byte was taken by the network
  uint64_t answered = 0;
  uint64_t bytes = 0;    // received
  uint64_t refused = 0;  // connections that were refused or reset before the first answer
  uint64_t resets = 0;   // connections that were reset later, not by this side
  uint64_t partial = 0;  // connections that ended in the middle of an answer
  uint64_t wrong = 0;    // answers that were not what they must be
  std::string first_wrong;
  bool aborted = false;               // it broke off by itself
  std::vector<uint64_t> sent_ns;      // when the last byte of each request went
  std::vector<uint64_t> begun_ns;     // of numbered ones: the first byte
  std::vector<uint64_t> answered_ns;  // and when the answer was whole
};

class HttpClient final : private fakes::Watch, private fakes::Event {
 public:
  // `on_answer` gets the time from the intended start to the last byte of an answer, in ns.
  HttpClient(fakes::World& world, fakes::Network& network, const HttpClientOptions& options,
             std::function<void(uint64_t)> on_answer = {});
  ~HttpClient();

  void start();
  // Sends nothing new; closes when all is answered.
  void stop();
  [[nodiscard]] bool finished() const { return state_ == State::finished; }
  // Whether it waits for nothing any more, though it may still be connected.
  [[nodiscard]] bool content() const { return finished() || leaves_ns_ > 0; }
  [[nodiscard]] const HttpClientStats& stats() const { return stats_; }
  [[nodiscard]] const HttpClientOptions& options() const { return options_; }

 private:
  enum class State : uint8_t { idle, connecting, open, half_closed, finished };

  void changed(uint32_t events) override;
  static void woken(Event* event);
  void act();
  void connect();
  void was_refused();
  void produce();
  uint64_t gap_ns();
  bool transmit();
  bool receive();
  void take_answers();
  void answer_is(bool right, const std::string& what);
  void ended(int error);
  void leave();
  void finish();
  [[nodiscard]] bool wants_more() const;
  void act_at(uint64_t time_ns);

  fakes::World& world_;
  fakes::Network& network_;
  const HttpClientOptions options_;
  std::function<void(uint64_t)> on_answer_;
  Prng arrivals_;
  std::shared_ptr<fakes::Socket> socket_;
  State state_ = State::idle;
  bool stopping_ = false;
  uint32_t tried_ = 0;
  uint64_t next_try_ns_ = 0;
  uint64_t begun_ = 0;          // requests put into the output
  uint64_t next_start_ns_ = 0;  // open loop: the intended start of the next one
  [[nodiscard]] static std::string request_for(const std::string& path);

  const std::string request_;
  std::string output_;
  size_t output_at_ = 0;
  std::string input_;
  std::vector<uint64_t> starts_;   // intended starts of the unanswered ones, oldest first
  std::vector<uint64_t> ends_at_;  // positions in all output at which requests end
  uint64_t output_total_ = 0;
  size_t starts_at_ = 0;
  size_t ends_first_ = 0;
  uint64_t leaves_ns_ = 0;  // when it will have stayed long enough; 0: there is more to say
  HttpClientStats stats_;
};

}  // namespace gatio::harness
