#include "runtime/net/stream_client.hpp"

#include <cerrno>
#include <new>
#include <optional>

#include "runtime/driver/operation.hpp"
#include "runtime/net/sockets.hpp"

namespace gatio {

namespace {

// Brings a connected socket to the driver that does the I/O, and the Stream back.
class AdoptSocket : private Work {
 public:
  explicit AdoptSocket(int fd) : Work(&arrive), fd_(fd) {}

  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> frame) {
    home_ = Driver::current();
    Driver* owner = home_->io_driver();
    if (owner == home_) {
      adopt();
      return false;
    }
    resumption_.handle = frame;
    priority_ = frame.promise().context->root->priority;
    owner->post(*this);
    return true;
  }
  Result<Stream> await_resume() { return std::move(*stream_); }

 private:
  void adopt() {
    stream_.emplace(static_cast<StreamClient*>(Driver::current()->client)->adopt_socket(fd_));
  }
  static void arrive(Work* work) {
    auto* self = static_cast<AdoptSocket*>(work);
    self->adopt();
    self->run = &arrive_home;
    self->home_->post(*self);
  }
  static void arrive_home(Work* work) {
    auto* self = static_cast<AdoptSocket*>(work);
    self->home_->enqueue(self->resumption_, self->priority_);
  }

  const int fd_;
  Driver* home_ = nullptr;
  Resumption resumption_;
  Priority priority_ = Priority::normal;
  std::optional<Result<Stream>> stream_;
};

}  // namespace

Result<Stream> StreamClient::adopt_socket(int fd) {
  Kernel& kernel = driver().kernel();
  Result<void> ready = draining_ ? Result<void>(fail(ECANCELED, "the runtime is shutting down"))
                                 : ConnectionHost::prepare();
  void* memory = ready ? driver().pool().allocate(sizeof(StreamSession)) : nullptr;
  if (memory == nullptr) {
    kernel.close(fd);
    if (!ready) return Error(ready.error());
    return fail(ENOMEM, "the heap's quota is exhausted: no memory for a connection");
  }
  auto* session = new (memory) StreamSession(*this, fd);
  session->start();
  return session->open_stream();
}

Task<Result<Stream>> connect(std::string address, uint16_t port) {
  Result<SocketAddress> target = parse_address(address, port);
  if (!target) co_return Error(target.error());
  int family = target->storage.ss_family;
  Result<int> fd = co_await SimpleOperation([family](io_uring_sqe* sqe) {
    io_uring_prep_socket(sqe, family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
  });
  if (!fd) co_return Error(fd.error());
  Result<int> connected = co_await SimpleOperation(
      [&](io_uring_sqe* sqe) { io_uring_prep_connect(sqe, *fd, target->get(), target->size); });
  if (!connected) {
    Driver::current()->kernel().close(*fd);
    co_return Error{connected.error().code,
                    "cannot connect to " + config::endpoint(address, port, config::Transport::tcp) +
                        ": " + connected.error().message()};
  }
  co_return co_await AdoptSocket(*fd);
}

}  // namespace gatio
