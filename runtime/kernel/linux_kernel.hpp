// The kernel this process runs on: every door of Kernel by the system call of that name. It only
// remembers the CPUs it was made on, so one object serves all threads; the program owns it and it
// outlives every driver.
#pragma once

#include <sched.h>

#include "runtime/kernel/kernel.hpp"

namespace gatio {

class LinuxKernel : public Kernel {
 public:
  LinuxKernel();

  int ring_setup(unsigned entries, io_uring_params& params, io_uring& ring) override;
  int ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags, const void* arg,
                 size_t arg_size) override;
  int ring_register(io_uring& ring, unsigned opcode, const void* arg, unsigned count) override;
  void ring_close(io_uring& ring) override;
  int ring_message(int target_ring_fd, uint64_t user_data) override;

  uint64_t now_ns() override;
  int64_t wall_seconds() override;
  uint64_t cpu_ns() override;
  void spend(uint64_t ns) override;
  void relax() override;

  int socket(int domain, int type, int protocol) override;
  int bind(int fd, const sockaddr* address, socklen_t size) override;
  int listen(int fd, int backlog) override;
  int getsockname(int fd, sockaddr* address, socklen_t* size) override;
  int setsockopt(int fd, int level, int name, const void* value, socklen_t size) override;
  int getsockopt(int fd, int level, int name, void* value, socklen_t* size) override;
  int close(int fd) override;

  int event_fd() override;
  int event_signal(int event_fd) override;
  int signal_fd(const sigset_t& set) override;

  // Where the system refuses to bind memory (a container may: EPERM, ENOSYS) the memory comes
  // unbound.
  void* map(size_t bytes, size_t alignment, int node) override;
  void unmap(void* address, size_t bytes) override;

  int pin(unsigned cpu) override;
  Result<Topology> topology() override;
  int start_helper(std::function<void()> body) override;

 private:
  cpu_set_t unpinned_;  // of the thread that made this object: what helpers run on
};

}  // namespace gatio
