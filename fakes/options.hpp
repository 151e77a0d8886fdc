// How a fake kernel is to be: its topology, its network, what calls cost, what it has of the
// optional features of io_uring. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "fakes/network.hpp"

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
  std::optional<Costs> costs;       // none: calls cost nothing
  bool no_sqarray = true;           // what kernels from 6.6 on have
  bool sync_message = true;         // what kernels from 6.13 on have
  bool incremental_buffers = true;  // what kernels from 6.12 on have
  size_t open_files = 1'000'000;    // RLIMIT_NOFILE
  // What mapped memory holds at first; none: what an earlier run left there. A run must not differ.
  std::optional<uint8_t> memory_fill;
};

}  // namespace gatio::fakes
