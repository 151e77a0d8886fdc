// A kernel in front of another one that fails the calls it is told to, counts all, and knows what
// is still open: so that a test can fail each call of a start in turn and see that nothing is left
// behind. Owned by the test; any thread may call it, as any Kernel.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "runtime/kernel/kernel.hpp"

namespace gatio {

// The doors that can fail.
enum class Door {
  ring_setup,
  ring_enter,
  ring_register,
  ring_message,
  socket,
  bind,
  listen,
  getsockname,
  setsockopt,
  getsockopt,
  close,
  event_fd,
  event_signal,
  signal_fd,
  map,
  pin,
  topology,
  start_helper,
  count_of_doors,
};

const char* name_of(Door door);

class FaultyKernel final : public Kernel {
 public:
  explicit FaultyKernel(Kernel& inner) : inner_(inner) {}

  // The `nth` call of that door (from 1, counted from the beginning or the last reset) fails with
  // `error`, a positive errno, and does not reach the inner kernel. Only close() does its work all
  // the same, as on Linux. map() gives nullptr.
  void fail(Door door, uint64_t nth, int error);
  // The same for the nth call of any door of the list.
  void fail_any(uint64_t nth, int error);
  // Forgets the faults and sets the counts to zero; what is open stays known.
  void reset();

  [[nodiscard]] uint64_t calls() const;  // of all doors of the list
  [[nodiscard]] uint64_t calls(Door door) const;
  [[nodiscard]] uint64_t faults() const;  // calls that were made to fail

  // What went through this kernel's doors and is not closed: descriptors of socket, event_fd and
  // signal_fd (a descriptor that is accepted or closed by an SQE passes no door), rings, and mapped
  // memory.
  [[nodiscard]] size_t open_descriptors() const;
  [[nodiscard]] size_t open_rings() const;
  [[nodiscard]] size_t mapped_bytes() const;

  int ring_setup(unsigned entries, io_uring_params& params, io_uring& ring) override;
  int ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags, const void* arg,
                 size_t arg_size) override;
  int ring_register(io_uring& ring, unsigned opcode, const void* arg, unsigned count) override;
  void ring_close(io_uring& ring) override;
  int ring_message(int target_ring_fd, uint64_t user_data) override;

  uint64_t now_ns() override { return inner_.now_ns(); }
  int64_t wall_seconds() override { return inner_.wall_seconds(); }
  uint64_t cpu_ns() override { return inner_.cpu_ns(); }
  void spend(uint64_t ns) override { inner_.spend(ns); }
  void relax() override { inner_.relax(); }

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

  void* map(size_t bytes, size_t alignment, int node) override;
  void unmap(void* address, size_t bytes) override;

  int pin(unsigned cpu) override;
  Result<Topology> topology() override;
  int start_helper(std::function<void()> body) override;

 private:
  struct Fault {
    bool any;
    Door door;  // where not `any`
    uint64_t nth;
    int error;
  };
  // Counts a call; the errno it has to fail with, or 0.
  int count(Door door);
  // Remembers a descriptor that a door gave.
  int opened(int fd);

  Kernel& inner_;
  mutable std::mutex mutex_;  // for all below
  std::vector<Fault> plan_;
  std::array<uint64_t, static_cast<size_t>(Door::count_of_doors)> calls_{};
  uint64_t all_calls_ = 0;
  uint64_t faults_ = 0;
  std::set<int> descriptors_;
  std::set<const io_uring*> rings_;
  std::map<const void*, size_t> mappings_;
};

}  // namespace gatio
