// A kernel that is none: rings, sockets, files, memory and clocks of a simulated Linux, in one
// thread and in virtual time. Everything that the rules of a ring leave open is a choice of the
// World's sequence. It is nasty by default: an SQE is copied and then poisoned when it is
// submitted, memory of the caller is touched only when an operation completes. It refuses what
// Linux refuses, with the same errno, and aborts by name on an opcode that it does not model. Owned
// by whoever makes the run; the simulation's one thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "fakes/descriptors.hpp"
#include "fakes/network.hpp"
#include "fakes/options.hpp"
#include "fakes/world.hpp"
#include "runtime/kernel/kernel.hpp"

namespace gatio::fakes {

struct Machine;
class Files;

class FakeKernel final : public Kernel {
 public:
  // The first descriptor: none of the fake's is ever one of the real kernel's.
  static constexpr int kFirstFd = Descriptors::kFirst;

  FakeKernel(Choices& choices, const FakeKernelOptions& options);
  ~FakeKernel() override;
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

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

  void* map(size_t bytes, size_t alignment, int node) override;
  void unmap(void* address, size_t bytes) override;

  int pin(unsigned cpu) override;
  Result<Topology> topology() override;
  int start_helper(std::function<void()> body) override;

  [[nodiscard]] World& world();
  [[nodiscard]] Network& network();
  [[nodiscard]] Files& files();
  // Alone is the default.
  void set_execution(Execution& execution);
  // Raises a signal: whoever reads the signalfd gets it.
  void raise_signal(int signal);
  // Called instead of aborting when a ring's owner waits for what can never happen, with what it
  // waits for. If it returns, the wait ends with -EINTR.
  void set_deadlock(std::function<void(const std::string&)> deadlock);
  // The node that memory from map(), or the memory of a ring, is bound to; -1 for any other.
  [[nodiscard]] int node_of(const void* address) const;

  // The thread whose ring delivers nothing, by FaultPlan::ring_stall; nullopt: there is none.
  [[nodiscard]] std::optional<unsigned> stalled_thread() const;
  // Whether that ring holds back something, so that a drain cannot end.
  [[nodiscard]] bool stalled_ring_holds_something() const;
  // The ring delivers again.
  void heal_ring();

  // For the checks at the end of a run: what the program has not given back.
  struct Leftovers {
    size_t descriptors = 0;
    size_t rings = 0;     // that are not closed
    size_t requests = 0;  // in flight in them
    size_t mapped_bytes = 0;
    [[nodiscard]] bool none() const;
    [[nodiscard]] std::string text() const;
  };
  [[nodiscard]] Leftovers leftovers() const;

 private:
  [[nodiscard]] Socket* find_socket(int fd, int& error) const;
  [[nodiscard]] int planned_fault(std::span<const int> errors);

  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Execution> alone_;
};

}  // namespace gatio::fakes
