// A kernel that is none: rings, sockets, files, memory and clocks of a simulated Linux, in one
// thread and in virtual time. Everything that the rules of a ring leave open is a choice of the
// World's sequence. It is nasty by default: an SQE is copied and then poisoned when it is
// submitted, memory of the caller is touched only when an operation completes. It refuses what
// Linux refuses, with the same errno, and aborts by name on an opcode that it does not model. Owned
// by whoever makes the run; the simulation's one thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fakes/alone.hpp"
#include "fakes/network.hpp"
#include "fakes/world.hpp"
#include "runtime/kernel/kernel.hpp"

namespace gatio::fakes {

// What a call costs the caller in virtual time. It counts only where each driver has a clock of its
// own (Strategy::clocks); the values here were measured on a 2-core virtual machine (AMD EPYC,
// Linux 6.18) and `gatio calibrate` measures another machine's.
struct Costs {
  uint64_t turn_ns = 250;  // of the program's own, each turn of a driver
  uint64_t enter_ns = 300;
  uint64_t sqe_ns = 40;       // each SQE submitted
  uint64_t cqe_ns = 15;       // each CQE posted
  uint64_t receive_ns = 600;  // each attempt to receive, besides the copy
  uint64_t send_ns = 3'000;
  uint64_t accept_ns = 8'000;
  uint64_t copy_ns_per_kib = 60;
  uint64_t wake_ns = 18'000;  // until a sleeper runs again
  uint64_t message_ns = 200;  // MSG_RING, for the sender
};

struct FakeKernelOptions {
  std::string topology = "numa:1 core:4 pu:1";  // a synthetic description, or an lstopo XML file
  NetworkOptions network;
  std::optional<Costs> costs;  // none: calls cost nothing
  bool no_sqarray = true;      // what kernels from 6.6 on have
  bool sync_message = true;    // what kernels from 6.13 on have
};

class FakeKernel final : public Kernel {
 public:
  // The first descriptor: none of the fake's is ever one of the real kernel's.
  static constexpr int kFirstFd = 1 << 20;

  FakeKernel(Choices& choices, const FakeKernelOptions& options);
  ~FakeKernel() override;
  // ... (the doors)

  [[nodiscard]] World& world();
  [[nodiscard]] Network& network();
  // Alone is the default.
  void set_execution(Execution& execution);
  // Raises a signal: whoever reads the signalfd gets it.
  void raise_signal(int signal);

  // For the checks at the end of a run: what the program has not given back.
  struct Leftovers {
    size_t descriptors = 0;
    size_t rings = 0;
    size_t requests = 0;  // in flight
    size_t mapped_bytes = 0;
    [[nodiscard]] bool none() const;
    [[nodiscard]] std::string text() const;
  };
  [[nodiscard]] Leftovers leftovers() const;
};

}  // namespace gatio::fakes
