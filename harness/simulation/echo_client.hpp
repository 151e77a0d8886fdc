// A simulated client of an echo server, outside of the machine: sends a stream of known bytes in
// pieces of any size, reads them back at its own pace, half-closes when all is sent, and may break
// off. It lives in the fake network and is driven by its events alone. Owned by a simulation; its
// one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fakes/network.hpp"
#include "fakes/world.hpp"

namespace gatio::harness {

// The byte at a place of a stream: neighbours differ, and so do streams.
constexpr char stream_byte(size_t place, size_t stream) {
  return static_cast<char>((place * 131 + (place >> 8) * 7 + stream * 17) & 0xff);
}

struct EchoClientOptions {
  uint16_t port = 0;  // of 127.0.0.1
  size_t stream = 0;  // which bytes it sends
  size_t length = 0;  // how many
  uint64_t first_ns = 0;
  bool slow = false;       // reads a few bytes at a time
  bool may_break = false;  // may close or reset before the end
};

struct EchoClientStats {
  size_t sent = 0;
  size_t received = 0;
  bool connected = false;
  bool broke_off = false;    // by itself
  bool reset = false;        // by the other side, or by the network
  bool whole = false;        // all came back, and then the end of the stream
  bool half_closed = false;  // it said FIN and went on reading
  std::string wrong;         // the first byte that was not what it must be
};

class EchoClient final : private fakes::Watch, private fakes::Event {
 public:
  EchoClient(fakes::World& world, fakes::Network& network, const EchoClientOptions& options);

  void start();
  [[nodiscard]] bool finished() const { return state_ == State::finished; }
  [[nodiscard]] const EchoClientStats& stats() const { return stats_; }
  [[nodiscard]] const EchoClientOptions& options() const { return options_; }

 private:
  enum class State : uint8_t { idle, connecting, open, half_closed, finished };

  void changed(uint32_t events) override;
  static void woken(Event* event);
  void act();
  void connect();
  bool receive();
  bool break_off();
  void send();
  void finish();
  void act_at(uint64_t time_ns);
  uint32_t choose(uint32_t bound) {
    return world_.choices.choose(fakes::ChoiceKind::program, bound);
  }

  fakes::World& world_;
  fakes::Network& network_;
  const EchoClientOptions options_;
  std::shared_ptr<fakes::Socket> socket_;
  State state_ = State::idle;
  uint64_t next_send_ns_ = 0;
  uint64_t next_read_ns_ = 0;
  EchoClientStats stats_;
};

}  // namespace gatio::harness
