// What a descriptor of the fake stands for: the part of Linux's `struct file` that a ring needs. A
// request that is in flight holds a reference, so that closing the descriptor ends the file only
// when the last request has ended (rule U44). Attempts never block: they return -EAGAIN and the
// request adds a Watch. Owned by descriptor table and requests; the simulation's one thread only.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>

namespace gatio::fakes {

class File;

// What a Watch is told when the state of a connection changes: everybody is woken then, whatever
// for, and has to look himself.
inline constexpr uint32_t kStateChanged = 1U << 31;

// Somebody who wants to know when the file's state changes; linked into one file at most, and taken
// out by its destructor.
class Watch {
 public:
  virtual void changed(uint32_t events) = 0;  // POLLIN, POLLOUT, ...: what has newly become true

 protected:
  Watch() = default;
  virtual ~Watch() { unlink(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 public:
  [[nodiscard]] bool linked() const { return next_ != nullptr; }
  // Of those who are told alone, and stand behind all others, only the first is told of bytes or
  // connections that have come: EPOLLEXCLUSIVE.
  void be_told_alone(bool on) { alone_ = on; }
  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  friend class File;
  Watch* next_ = nullptr;
  Watch* previous_ = nullptr;
  bool alone_ = false;
};

using FilePtr = std::shared_ptr<File>;

class File {
 public:
  virtual ~File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP as poll(2) would say now.
  [[nodiscard]] virtual uint32_t poll() const = 0;
  // read(2)/pread(2); `offset` -1 is the file's own position. Bytes, or -errno.
  virtual int64_t read(std::span<char>, int64_t) { return -EINVAL; }
  virtual int64_t write(std::span<const char>, int64_t) { return -EINVAL; }
  virtual int fsync() { return -EINVAL; }
  // The descriptor of last resort is gone (close(2)), while requests may still hold the file.
  virtual void descriptor_closed() {}
  [[nodiscard]] virtual bool is_socket() const { return false; }
  [[nodiscard]] bool nonblocking() const { return nonblocking_; }
  void set_nonblocking(bool on) { nonblocking_ = on; }

  // Before all others, or behind them.
  void add_first(Watch& watch) { insert(watches_, watch); }
  void add(Watch& watch) { insert(*watches_.previous_, watch); }

 protected:
  File() { watches_.next_ = watches_.previous_ = &watches_; }
  // Tells every watch that is linked now; one may unlink itself or others while it is told.
  void notify(uint32_t events);

 private:
  struct Ends : Watch {
    void changed(uint32_t) override {}
  };
  static void insert(Watch& behind, Watch& watch);
  Ends watches_;
  bool nonblocking_ = false;
};

inline size_t total_bytes(std::span<const iovec> parts) {
  size_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

// What send and receive say besides the count of bytes.
struct Received {
  int64_t result = 0;      // bytes, or -errno
  bool more = false;       // bytes or datagrams are left (IORING_CQE_F_SOCK_NONEMPTY)
  bool truncated = false;  // a datagram was longer than the room
  size_t left = 0;         // bytes of a stream that are there still; its end counts as one
  sockaddr_storage from{};
  socklen_t from_size = 0;
};

class Socket : public File {
 public:
  [[nodiscard]] bool is_socket() const override { return true; }

  virtual int bind(const sockaddr* address, socklen_t size) = 0;
  virtual int listen(int backlog) = 0;
  // -EINPROGRESS when it is under way: POLLOUT says when it has ended, and connect_error() how.
  virtual int connect(const sockaddr* address, socklen_t size) = 0;
  virtual int connect_error() = 0;
  virtual int getsockname(sockaddr* address, socklen_t* size) = 0;
  virtual int getpeername(sockaddr* address, socklen_t* size) = 0;
  virtual int setsockopt(int level, int name, const void* value, socklen_t size) = 0;
  virtual int getsockopt(int level, int name, void* value, socklen_t* size) = 0;
  virtual int shutdown(int how) = 0;
  // A connection from the queue, or nullptr with `error` set (-EAGAIN: none is there).
  virtual std::shared_ptr<Socket> accept(int& error, bool& more) = 0;
  // MSG_PEEK, MSG_DONTWAIT and MSG_TRUNC are known; MSG_WAITALL is the request's affair.
  virtual Received receive(std::span<const iovec> to, int flags) = 0;
  // Takes as many bytes as there is room for; -EAGAIN for none. `to` may be null.
  virtual int64_t send(std::span<const iovec> from, int flags, const sockaddr* to,
                       socklen_t to_size) = 0;
  [[nodiscard]] virtual bool is_stream() const = 0;
};

}  // namespace gatio::fakes
