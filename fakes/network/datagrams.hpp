// Datagrams on their way and in the queues of sockets, and their reuse. Owned by the Fabric; the
// simulation's one thread only.
#pragma once

#include <memory>
#include <vector>

#include "fakes/events.hpp"
#include "fakes/network.hpp"
#include "fakes/network/address.hpp"
#include "fakes/network/chunk.hpp"

namespace gatio::fakes {

class Fabric;
class InetSocket;

struct Datagram : Event {
  Datagram(Fabric& its_fabric, ChunkPool& pool);

  Fabric& fabric;
  Address from;
  Address to;
  Side from_side = Side::inside;
  Side to_side = Side::inside;
  ChunkQueue bytes;
  std::weak_ptr<InetSocket> sender;
  size_t charge = 0;     // in the buffers of sockets
  bool refused = false;  // it comes back: nobody was there
  Datagram* next = nullptr;
};

class Datagrams {
 public:
  Datagram* get(Fabric& fabric, ChunkPool& pool);
  void put(Datagram* datagram);

 private:
  std::vector<std::unique_ptr<Datagram>> all_;
  Datagram* free_ = nullptr;
};

}  // namespace gatio::fakes
