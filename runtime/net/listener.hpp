// One port on one driver: its listening socket, a multishot accept that is armed once, and the
// sessions of what it accepts. Owned by the runtime as a Service of the driver; touched by that
// driver only. The socket is bound before the drivers run, listens when all are ready, and is
// closed once no accept is armed on it.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/config/listener.hpp"
#include "runtime/driver/timers.hpp"
#include "runtime/net/connection_host.hpp"
#include "runtime/net/http_session.hpp"
#include "runtime/net/plan.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/ring/completion.hpp"

namespace gatio {

// What a listener serves: exactly one of the two.
struct Protocol {
  const http::Handler* http = nullptr;
  const StreamHandler* stream = nullptr;
};

class Listener final : public ConnectionHost, private Timer {
 public:
  // Takes over `fd`, a socket that is bound to the planned port, whose number is `number`. The
  // drivers of the port share its limits. `planned` outlives the listener.
  Listener(Driver& driver, uint16_t buffer_group, const PlannedPort& planned, uint16_t number,
           int fd, const Protocol& protocol);
  ~Listener() override;

  // Also presents the configuration that this driver really has to the plan (R17).
  Result<void> prepare() override;
  Result<void> start() override;
  Result<void> check() override;
  void drain() override;
  // Streams are their tasks', which are asked to stop once all services are drained: waiting for
  // streams here would be waiting for each other.
  [[nodiscard]] bool drained() const override {
    return !accepting_ && !cancelling_ &&
           (protocol_.stream != nullptr || ConnectionHost::drained());
  }
  void stop() override;
  [[nodiscard]] bool stopped() const override {
    return !accepting_ && !cancelling_ && ConnectionHost::stopped();
  }

  [[nodiscard]] const config::ListenerConfig& config() const { return config_; }

 private:
  struct Accept : Completion {
    Listener* listener;
  };
  static constexpr uint64_t kRetryNs = 50'000'000;      // after an accept that lacked a descriptor
  static constexpr uint64_t kDrainGraceNs = 1'000'000;  // for what had arrived when the drain began

  static void accepted(Completion* completion, int32_t result, uint32_t flags);
  static void cancel_ended(Completion* completion, int32_t result, uint32_t flags);
  static void timer_expired(Timer* timer);
  void arm_accept();
  void cancel_accept();
  void open_connection(int fd);
  void accept_failed(int error);
  void stop_accepting();
  void take_backlog();
  void close_socket();

  static config::ListenerConfig with_number(config::ListenerConfig config, uint16_t number);

  const PlannedPort& planned_;
  const config::ListenerConfig config_;
  const unsigned most_connections_;
  int fd_;
  Protocol protocol_;
  http::SessionSettings http_settings_;
  Accept accept_;
  Accept cancel_;
  bool accepting_ = false;
  bool cancelling_ = false;
  bool ending_ = false;
  bool backlog_taken_ = false;
  bool stopping_ = false;
  int arm_error_ = 0;
};

}  // namespace gatio
