// A TCP stream as a task sees it: receive, send, and the end of both. The task may run on any
// driver that executes; the connection behind it lives on its io driver, and the two meet by
// message where they are not the same. A Stream is owned by one task; one receive and any number of
// sends may be awaited at a time.
#pragma once

#include <cerrno>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/result.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/net/connection.hpp"
#include "runtime/task/stop.hpp"
#include "runtime/task/task.hpp"

namespace gatio {

class Stream;
class StreamSession;

// Serves one accepted stream: a task on a driver that executes. Called on several drivers at once.
using StreamHandler = std::function<Task<void>(Stream)>;

// Received bytes, good until this object is destroyed, on whatever driver. Empty: the peer has
// ended its stream. Where the task runs on the io driver itself they lie in the receive buffer,
// else in a copy.
class Received {
 public:
  Received() = default;
  Received(Received&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})),
        chunk_(std::exchange(other.chunk_, nullptr)),
        copy_(std::exchange(other.copy_, nullptr)) {}
  Received& operator=(Received&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(chunk_, other.chunk_);
    std::swap(copy_, other.copy_);
    return *this;
  }
  ~Received() {
    if (chunk_ != nullptr) chunk_->host->recycle_from_anywhere(*chunk_);
    Pool::free(copy_);
  }

  [[nodiscard]] std::span<const char> bytes() const { return bytes_; }
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), bytes_.size()}; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  friend class StreamOperation;
  std::span<const char> bytes_;
  Chunk* chunk_ = nullptr;
  void* copy_ = nullptr;
};

// What a receive and a send have in common: the way to the connection's driver and back, and
// cancelling. Lies in the task's frame; it is the message.
class StreamOperation : private Work, private SendRequest, private StopCallback {
 public:
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> frame) {
    return begin(frame, *frame.promise().context);
  }

 protected:
  enum class Kind : uint8_t { receive, send };
  StreamOperation(StreamSession* session, Kind kind, std::span<const char> bytes);
  ~StreamOperation() = default;

  int error_ = 0;
  Received received_;

 private:
  friend class StreamSession;
  struct CancelMessage : Work {
    explicit CancelMessage(StreamOperation* its_operation) : operation(its_operation) {}
    StreamOperation* operation;
  };

  bool begin(std::coroutine_handle<> frame, Context& context);
  void complete(int error);          // on the connection's driver
  void complete_with(Chunk& chunk);  // likewise
  void resume_when_free();
  static void arrive_at_session(Work* work);
  static void arrive_home(Work* work);
  static void resume(Work* work);
  static void bytes_sent(SendRequest* request, int error);
  static void stop(StopCallback* callback);
  static void cancel_arrives(Work* work);
  static void cancel_returns(Work* work);

  StreamSession* session_;
  const Kind kind_;
  std::coroutine_handle<> frame_;
  Driver* home_ = nullptr;
  Priority priority_ = Priority::normal;
  bool completed_ = false;    // the connection's driver only
  bool done_ = false;         // home only
  bool cancel_away_ = false;  // home only
  CancelMessage cancel_;
};

class Stream {
 public:
  explicit Stream(StreamSession* session) : session_(session) {}
  Stream(Stream&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(session_, other.session_);
    return *this;
  }
  // Sends what was queued, says FIN and lets go. Nothing may be awaited on the stream any more.
  ~Stream();

  class Receive final : public StreamOperation {
   public:
    explicit Receive(StreamSession* session) : StreamOperation(session, Kind::receive, {}) {}
    Result<Received> await_resume() {
      if (error_ != 0) return fail(error_);
      return std::move(received_);
    }
  };
  class Send final : public StreamOperation {
   public:
    Send(StreamSession* session, std::span<const char> bytes)
        : StreamOperation(session, Kind::send, bytes) {}
    Result<void> await_resume() {
      if (error_ != 0) return fail(error_);
      return {};
    }
  };

  // `co_await stream.receive()`: the next bytes, at least one, or an empty Received at the end of
  // the peer's stream. ECONNRESET and the like, ECANCELED when the task is asked to stop, EBUSY
  // when a receive is awaited already, ENOMEM when there is no memory for the copy.
  Receive receive() { return Receive(session_); }

  // `co_await stream.send(bytes)`: until all bytes are with the kernel. They must stay in place so
  // long. Sends that are awaited at the same time go out in the order in which they were begun,
  // coalesced. A send that has been begun is not cancelled: a stream with a hole in it is of no
  // use.
  Send send(std::span<const char> bytes) { return Send(session_, bytes); }
  template <std::convertible_to<std::string_view> Text>
  Send send(const Text& text) {
    std::string_view view = text;
    return Send(session_, {view.data(), view.size()});
  }

  [[nodiscard]] bool is_open() const { return session_ != nullptr; }

 private:
  StreamSession* session_;
};

// The connection's side of a Stream. Lives on its io driver.
class StreamSession final : public Connection {
 public:
  StreamSession(ConnectionHost& host, int fd);

  // Starts the handler of an accepted stream on the driver that placement chooses.
  void serve(const StreamHandler& handler);
  // Makes the Stream's handle; once.
  Stream open_stream();

 private:
  friend class StreamOperation;
  friend class Stream;
  struct LetGo : gatio::Work {
    StreamSession* session = nullptr;
  };

  void on_received() override;
  void on_broken() override;
  void on_drain() override {}
  void on_timeout() override;
  void on_sending() override { note_activity(); }
  [[nodiscard]] bool busy() const override { return held_; }

  void begin_receive(StreamOperation& operation);
  void begin_send(StreamOperation& operation);
  void cancel_receive(StreamOperation& operation);
  void serve_receiver();
  void note_activity();
  static void let_go(gatio::Work* work);

  StreamOperation* receiver_ = nullptr;
  bool held_ = false;  // a Stream points here
  LetGo let_go_;
};

}  // namespace gatio
