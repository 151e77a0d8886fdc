// What the sockets of one simulated network share: the two hosts with their addresses and ports,
// the links between them, and the pool of chunks. Owned by the Network; the simulation's one thread
// only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fakes/network.hpp"
#include "fakes/network/address.hpp"
#include "fakes/network/chunk.hpp"
#include "fakes/network/datagrams.hpp"
#include "fakes/network/ports.hpp"
#include "fakes/world.hpp"

namespace gatio::fakes {

class Connection;

struct Host {
  std::vector<Subnet> local;  // besides the wildcards
  Address v4;                 // what it calls itself to the other host
  Address v6;
  Ports tcp;
  Ports udp;

  [[nodiscard]] bool has(const Address& address) const;
};

class Fabric {
 public:
  Fabric(World& world, const NetworkOptions& options);
  ~Fabric();
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  World& world;
  const NetworkOptions options;
  ChunkPool chunks;
  Datagrams datagrams;

  Host& host(Side side) { return hosts_[static_cast<size_t>(side)]; }
  // Whose address it is; false when nobody's. The loopback addresses are the machine's for clients,
  // too, so that clients of a server on 127.0.0.1 can be simulated outside.
  [[nodiscard]] bool route(const Address& address, Side& to) const;
  // What a socket there that is not bound calls itself to `peer`.
  [[nodiscard]] Address source(Side from, const Address& peer) const;

  // How long a packet travels, by choice.
  uint64_t choose_delay_ns(Side from, Side to);
  // When `bytes` that are sent now and travel for `delay_ns` have arrived.
  uint64_t arrival_ns(Side from, Side to, size_t bytes, uint64_t delay_ns);

  const LinkOptions& link_options(Side from, Side to) { return link(from, to).options; }
  // What decides which socket of a group a flow goes to; the same for the whole run.
  uint64_t hash_salt();

  // All that exist, so that they can end with the network.
  InetSocket* sockets = nullptr;
  Connection* connections = nullptr;
  std::array<size_t, 2> live_sockets{};  // of each side
  uint64_t connects = 0;                 // SYNs that were received

 private:
  static constexpr uint64_t kChoices = 1 << 20;  // of a delay, at most

  struct Link {
    LinkOptions options;
    uint64_t free_at_ns = 0;  // from when on the next packet can use it
  };
  Link& link(Side from, Side to) {
    return links_[2 * static_cast<size_t>(from) + static_cast<size_t>(to)];
  }

  std::array<Host, 2> hosts_;
  std::array<Link, 4> links_;
  static constexpr uint32_t kSalts = 64;
  uint32_t salt_ = kSalts;  // not chosen yet
};

}  // namespace gatio::fakes
