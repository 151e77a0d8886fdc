// One TCP connection on its io driver: multishot receive into the host's buffers, one send in
// flight, lazily moved time-outs, and an orderly end. What the bytes mean is for the session that
// derives from it. Owned by its ConnectionHost; touched by that driver only. It deletes itself when
// the kernel, the session and the run queue have all let go of it.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/base/intrusive_queue.hpp"
#include "runtime/base/work.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/driver/timers.hpp"
#include "runtime/net/connection_host.hpp"
#include "runtime/ring/completion.hpp"

namespace gatio {

// Bytes to send, embedded in whoever owns them; they stay in place until `sent` is called.
struct SendRequest {
  SendRequest* next = nullptr;
  const char* data = nullptr;
  size_t size = 0;
  // `error` is 0 when all bytes are with the kernel, else a positive errno. Must not resume a task.
  void (*sent)(SendRequest*, int error) = nullptr;
};

class Connection : private Work, private Timer {
 public:
  Connection(ConnectionHost& host, int fd);
  virtual ~Connection();

  // Arms the receive and the first time-out.
  void start();
  // The runtime drains: finish what was begun, then end.
  void drain();
  // Ends at once; what was begun is cut off.
  void abort();

  Connection* previous = nullptr;  // the host's list
  Connection* next_connection = nullptr;

 protected:
  // The session's part. Each is called from the run queue, never from the reap loop.
  // There are chunks, the peer has ended its stream, or has_rest().
  virtual void on_received() = 0;
  // Something was received that has been put off until what is being sent has gone.
  [[nodiscard]] virtual bool has_rest() const { return false; }
  virtual void on_broken() = 0;  // the connection failed or was aborted: let go of everything
  virtual void on_drain() = 0;
  virtual void on_timeout() = 0;
  virtual void on_sending() = 0;  // part of what is being sent has gone; from the reap loop
  [[nodiscard]] virtual bool busy() const = 0;  // something outside still points at this session

  // What has arrived, oldest first. A chunk that was taken is given back with host().recycle().
  [[nodiscard]] bool has_chunk() const { return !chunks_.empty(); }
  Chunk* take_chunk();
  [[nodiscard]] bool peer_ended() const { return ended_ && chunks_.empty(); }

  void send(SendRequest& request);
  [[nodiscard]] bool sending() const { return send_in_flight_ || !waiting_.empty(); }

  // Sends what is queued, says FIN, lets the peer finish, closes.
  void finish();
  // Closes as soon as the kernel has let go; what is queued is dropped.
  void close();
  [[nodiscard]] bool is_open() const { return state_ == State::open; }
  [[nodiscard]] bool draining() const { return draining_; }
  // False while bytes may wait in the socket because nobody asks for them.
  [[nodiscard]] bool receive_is_armed() const {
    return receiving_ && !rearm_ && !pausing_ && !newly_armed_;
  }

  // on_timeout() is called at this time unless it is moved; kNever: not at all. Costs a store, as a
  // rule.
  void set_deadline(uint64_t deadline_ns);
  void schedule();  // on_received() will be called, from the run queue
  [[nodiscard]] ConnectionHost& host() { return host_; }
  [[nodiscard]] Driver& driver() { return host_.driver(); }

 private:
  enum class State : uint8_t { open, finishing, lingering, closing };
  static constexpr size_t kMostIovecs = 8;
  static constexpr size_t kMostSendBytes = 256 * 1024;
  static constexpr uint64_t kDrainLookNs = 1'000'000;
  static constexpr unsigned kMostChunks =
      16;  // received and not yet taken; then the receive pauses
  static constexpr uint64_t kLingerNs = 1'000'000'000;

  struct Receive : Completion {
    Connection* connection;
  };
  struct Send : Completion {
    Connection* connection;
  };

  static void run_step(Work* work);
  static void received(Completion* completion, int32_t result, uint32_t flags);
  static void sent(Completion* completion, int32_t result, uint32_t flags);
  static void shut(Completion* completion, int32_t result, uint32_t flags);
  static void timer_expired(Timer* timer);
  void step();
  void act_on_timeout();
  void arm_timer();
  void move_chunks();
  void arm_receive();
  void look_soon();
  void keep_receiving();
  void receive_failed(int error);
  void submit_send();
  void fail_sends(int error);
  void begin_linger();
  void drop_chunks();
  void settle_end();

  ConnectionHost& host_;
  const int fd_;
  State state_ = State::open;
  bool queued_ = false;     // stands in the run queue
  bool receiving_ = false;  // the multishot receive is armed
  bool rearm_ = false;      // it ended, though the stream has not: arm it again
  bool pausing_ = false;    // it was cancelled since too much waits to be taken
  bool ended_ = false;      // the peer has ended its stream
  bool broken_ = false;     // a receive or a send failed, or abort() was called
  bool told_broken_ = false;
  bool send_in_flight_ = false;
  bool shutting_ = false;
  bool draining_ = false;
  bool timed_out_ = false;
  bool newly_armed_ = false;  // whether anything waited in the socket is not known yet
  IntrusiveQueue<Chunk> chunks_;
  unsigned chunk_count_ = 0;
  IntrusiveQueue<SendRequest> waiting_;
  uint64_t deadline_ns_ = Timers::kNever;    // on_timeout() is due, or the end of a closing one
  uint64_t drain_look_ns_ = Timers::kNever;  // what waited in the socket would have come by then
  Receive receive_;
  Send send_;
  Send shutdown_;
  msghdr message_{};
  std::array<iovec, kMostIovecs> iovecs_{};

  friend class ConnectionHost;
};

}  // namespace gatio
