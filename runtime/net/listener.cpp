#include "runtime/net/listener.hpp"

#include <cerrno>
#include <new>

#include "runtime/memory/pool.hpp"

namespace gatio {

config::ListenerConfig Listener::with_number(config::ListenerConfig config, uint16_t number) {
  config.port = number;
  return config;
}

Listener::Listener(Driver& driver, uint16_t buffer_group, const PlannedPort& planned,
                   uint16_t number, int fd, const Protocol& protocol)
    : ConnectionHost(driver, buffer_group, planned.config.buffers, planned.config.timeouts),
      Timer(&timer_expired),
      planned_(planned),
      config_(with_number(planned.config, number)),
      most_connections_(static_cast<unsigned>(
          (config_.limits.connections + planned.members.size() - 1) / planned.members.size())),
      fd_(fd),
      protocol_(protocol) {
  http_settings_.handler = protocol.http;
  http_settings_.limits.header_bytes = config_.limits.header_bytes;
  http_settings_.limits.body_bytes = config_.limits.body_bytes;
  accept_.listener = cancel_.listener = this;
  accept_.complete = &accepted;
  cancel_.complete = &cancel_ended;
}

Listener::~Listener() {
  driver().timers().disarm(*this);
  close_socket();
}

Result<void> Listener::prepare() {
  if (Result<void> opened = ConnectionHost::prepare(); !opened) return opened;
  config::ListenerConfig effective = with_number(config_, planned_.config.port);
  effective.buffers = buffer_shape();
  const DriverOptions& options = driver().options();
  return join(planned_, {static_cast<unsigned>(options.node), options.index},
              canonical_config(effective, planned_.members.size()));
}

Result<void> Listener::start() {
  Kernel& kernel = driver().kernel();
  if (int error = kernel.listen(fd_, static_cast<int>(config_.backlog)); error < 0) {
    return fail(-error, config::endpoint(config_.address, config_.port, config_.transport) +
                            ": driver " + driver().name() +
                            " cannot listen: " + strerrordesc_np(-error));
  }
  arm_accept();
  return {};
}

Result<void> Listener::check() {
  if (arm_error_ == 0) return {};
  return fail(arm_error_, config::endpoint(config_.address, config_.port, config_.transport) +
                              ": driver " + driver().name() +
                              " cannot arm the accept: " + strerrordesc_np(arm_error_));
}

void Listener::arm_accept() {
  io_uring_sqe* sqe = driver().io_sqe();
  io_uring_prep_multishot_accept(sqe, fd_, nullptr, nullptr, SOCK_CLOEXEC);
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(&accept_));
  accepting_ = true;
  ++driver().operations_in_flight;
}

// A cancel does not find an accept that the kernel is about to try again, as it does while more
// connections wait: so its end is looked at, and another one follows as long as the accept lives.
void Listener::cancel_accept() {
  if (cancelling_) return;
  io_uring_sqe* sqe = driver().io_sqe();
  prepare_cancel(sqe, accept_);
  io_uring_sqe_set_data(sqe, static_cast<Completion*>(&cancel_));
  cancelling_ = true;
  ++driver().operations_in_flight;
}

void Listener::cancel_ended(Completion* completion, int32_t, uint32_t) {
  Listener* self = static_cast<Accept*>(completion)->listener;
  self->cancelling_ = false;
  --self->driver().operations_in_flight;
  if (self->accepting_) self->cancel_accept();
}

void Listener::accepted(Completion* completion, int32_t result, uint32_t flags) {
  Listener* self = static_cast<Accept*>(completion)->listener;
  if (result >= 0) {
    self->open_connection(result);
  } else if (!self->ending_) {
    self->accept_failed(-result);
  }
  if (flags & IORING_CQE_F_MORE) return;
  self->accepting_ = false;
  --self->driver().operations_in_flight;
  if (self->ending_) {
    // An accept that has a result ended for want of room in the CQ: there may be more.
    if (!self->stopping_ && (!self->backlog_taken_ || result >= 0)) {
      self->take_backlog();
    } else {
      self->close_socket();
      // Who is connected has a moment for what is under way.
      self->driver().timers().arm(*self, self->driver().turn_ns() + kDrainGraceNs);
    }
  } else if (!self->armed() && self->arm_error_ == 0) {
    self->arm_accept();
  }
}

// The cancel beat whoever had connected meanwhile, and closing the socket would reset them. An
// accept takes all who wait at once; what is left of it is cancelled right after.
void Listener::take_backlog() {
  backlog_taken_ = true;
  arm_accept();
  cancel_accept();
}

void Listener::accept_failed(int error) {
  ++stats().accept_errors;
  if (error == EBADF || error == EINVAL || error == ENOTSOCK || error == EOPNOTSUPP) {
    arm_error_ = error;  // The socket itself is unusable.
  } else if (error != ECONNABORTED && error != EINTR && error != EAGAIN) {
    // Out of descriptors or memory, or a network error that was pending (accept(2)): whoever waits
    // stays in the backlog for a moment.
    driver().timers().disarm(*this);
    driver().timers().arm(*this, driver().turn_ns() + kRetryNs);
  }
}

void Listener::timer_expired(Timer* timer) {
  auto* self = static_cast<Listener*>(timer);
  if (self->ending_) {
    self->ConnectionHost::drain();
  } else if (!self->accepting_) {
    self->arm_accept();
  }
}

void Listener::open_connection(int fd) {
  size_t bytes = protocol_.http != nullptr ? sizeof(http::Session) : sizeof(StreamSession);
  bool welcome = !stopping_ && connection_count() < most_connections_;
  void* memory = welcome ? driver().pool().allocate(bytes) : nullptr;
  if (memory == nullptr) {
    ++stats().refused;
    io_uring_sqe* sqe = driver().io_sqe();
    io_uring_prep_close(sqe, fd);
    sqe->user_data = kNobodyUserData;
    return;
  }
  ++stats().accepted;
  if (protocol_.http != nullptr) {
    (new (memory) http::Session(*this, fd, http_settings_))->start();
  } else {
    auto* session = new (memory) StreamSession(*this, fd);
    session->start();
    session->serve(*protocol_.stream);
  }
}

void Listener::drain() {
  if (ending_) return;
  stop_accepting();
}

void Listener::stop() {
  stopping_ = true;
  stop_accepting();
  ConnectionHost::stop();
}

// The socket is closed only when the accept has ended: closing it first would leave the port
// accepting.
void Listener::stop_accepting() {
  if (ending_) return;
  ending_ = true;
  driver().timers().disarm(*this);
  if (accepting_) {
    cancel_accept();
  } else {
    close_socket();
    ConnectionHost::drain();
  }
}

void Listener::close_socket() {
  if (fd_ >= 0) driver().kernel().close(fd_);
  fd_ = -1;
}

}  // namespace gatio
