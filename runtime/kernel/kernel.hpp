// The seam between the runtime and whatever plays the operating system: Linux, or a simulation of
// it. SQEs are prepared and CQEs are read by liburing's inline helpers on the memory of `struct
// io_uring`, whichever kernel is behind it; only these doors are virtual. Owned by the program;
// every driver and the starting thread call it, so an implementation must allow calls from several
// threads (for one ring, only from the ring's own driver).
//
// Unless said otherwise a door returns a non-negative value, or -errno as the system call of that
// name gives it (man pages of section 2).
#pragma once

#include <signal.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "runtime/base/result.hpp"
#include "runtime/kernel/topology.hpp"

struct io_uring;
struct io_uring_params;

namespace gatio {

class Kernel {
 public:
  virtual ~Kernel() = default;

  // io_uring_setup(2) and the mapping of its rings into `ring`; called on the driver's own thread.
  virtual int ring_setup(unsigned entries, io_uring_params& params, io_uring& ring) = 0;
  // io_uring_enter(2). The SQ tail is already published. Returns SQEs consumed or -errno.
  virtual int ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags,
                         const void* arg, size_t arg_size) = 0;
  // io_uring_register(2).
  virtual int ring_register(io_uring& ring, unsigned opcode, const void* arg, unsigned count) = 0;
  virtual void ring_close(io_uring& ring) = 0;
  // Wakes a driver that is parked in ring_enter, from a thread that owns no ring: posts a CQE with
  // this user_data to the ring (IORING_REGISTER_SEND_MSG_RING, Linux 6.13). -EINVAL where there is
  // no such way.
  virtual int ring_message(int target_ring_fd, uint64_t user_data) = 0;

  virtual uint64_t now_ns() = 0;        // the caller's monotonic clock
  virtual int64_t wall_seconds() = 0;   // seconds since 1970 UTC, for the Date header
  virtual uint64_t cpu_ns() = 0;        // CPU time that the calling thread has used
  virtual void spend(uint64_t ns) = 0;  // burns CPU for that long
  virtual void relax() = 0;             // one short pause of a spinning driver

  virtual int socket(int domain, int type, int protocol) = 0;
  virtual int bind(int fd, const sockaddr* address, socklen_t size) = 0;
  virtual int listen(int fd, int backlog) = 0;
  virtual int getsockname(int fd, sockaddr* address, socklen_t* size) = 0;
  virtual int setsockopt(int fd, int level, int name, const void* value, socklen_t size) = 0;
  virtual int getsockopt(int fd, int level, int name, void* value, socklen_t* size) = 0;
  virtual int close(int fd) = 0;

  virtual int event_fd() = 0;                  // eventfd(2), non-blocking, counter 0
  virtual int event_signal(int event_fd) = 0;  // adds one to its counter; any thread
  // signalfd(2), non-blocking; also blocks `set` in this thread.
  virtual int signal_fd(const sigset_t& set) = 0;

  // Anonymous memory, bound to the node (its os_index; -1 = wherever) before it is touched. nullptr
  // when the system has none. `bytes` is a multiple of the page size; aligned to `alignment`, a
  // power of two.
  virtual void* map(size_t bytes, size_t alignment, int node) = 0;
  virtual void unmap(void* address, size_t bytes) = 0;

  virtual int pin(unsigned cpu) = 0;  // binds the calling thread to one CPU, sched_setaffinity(2)
  virtual Result<Topology> topology() = 0;
  // Runs `body` on a helper thread of its own, for calls that block; the thread ends with it. A
  // helper is not pinned and owns no ring. 0 or -errno.
  virtual int start_helper(std::function<void()> body) = 0;
};

}  // namespace gatio
