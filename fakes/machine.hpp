// What the parts of the fake kernel share below its doors: the world, the descriptors, the files,
// the network, the signals. Made and owned by FakeKernel; the simulation's one thread only.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fakes/descriptors.hpp"
#include "fakes/files.hpp"
#include "fakes/mappings.hpp"
#include "fakes/network.hpp"
#include "fakes/options.hpp"
#include "fakes/signal_file.hpp"
#include "fakes/world.hpp"

namespace gatio::fakes {

class FakeRing;
using RingPtr = std::shared_ptr<FakeRing>;

struct Machine {
  static constexpr Costs kFree{0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

  Machine(Choices& choices, const FakeKernelOptions& its_options)
      : options(its_options),
        costs(its_options.costs.value_or(kFree)),
        world(choices),
        network(world, its_options.network),
        mappings(its_options.memory_fill) {
    descriptors.set_limit(its_options.open_files);
  }

  // The ring behind a descriptor, or nullptr.
  [[nodiscard]] RingPtr ring(int fd) const;
  // Whether the thread has made a ring that still is.
  [[nodiscard]] bool has_ring(unsigned thread) const;
  // Where the caller is pinned; -1 is anywhere.
  [[nodiscard]] int node_of_thread() const {
    unsigned thread = world.execution->thread();
    return thread < pinned_nodes.size() ? pinned_nodes[thread] : -1;
  }
  // Costs the caller virtual time.
  void charge(uint64_t ns) {
    if (ns > 0) world.execution->spend(ns);
  }
  // Whether a fault that is planned once in `one_in` strikes now.
  bool strikes(uint32_t one_in) {
    return one_in > 0 && world.choices.one_in(ChoiceKind::fault, one_in);
  }

  const FakeKernelOptions options;
  const Costs costs;
  World world;
  Network network;
  Signals signals;
  Files files;
  Mappings mappings;
  Descriptors descriptors;
  std::vector<RingPtr> rings;  // also those that are closed and not gone yet (rule U46)
  // io_uring_register(2) keeps 16 places for each thread (IORING_REGISTER_RING_FDS).
  using RegisteredRings = std::array<RingPtr, 16>;
  std::vector<RegisteredRings> registered_rings;  // by thread
  std::vector<int> pinned_nodes;                  // by thread; -1 or absent is anywhere
  // Called when a wait can never end; returns only if the owner knows how to go on.
  std::function<void(const std::string&)> deadlock;
  uint64_t rings_made = 0;
  FakeRing* stalled_ring = nullptr;  // which delivers nothing, by a fault; one at a time
};

}  // namespace gatio::fakes
