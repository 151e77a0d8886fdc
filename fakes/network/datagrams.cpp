#include "fakes/network/datagrams.hpp"

#include "fakes/network/fabric.hpp"
#include "fakes/network/udp_socket.hpp"

namespace gatio::fakes {
namespace {

// Both ends of a flow stay on one socket of a group, as with Linux's hash.
UdpSocket* pick(const std::vector<InetSocket*>& group, const Datagram& datagram) {
  if (group.empty()) return nullptr;
  if (group.size() == 1) return static_cast<UdpSocket*>(group[0]);
  uint64_t hash = datagram.fabric.hash_salt() + datagram.from.port;
  for (uint8_t byte : datagram.from.ip) hash = hash * 31 + byte;
  return static_cast<UdpSocket*>(group[hash % group.size()]);
}

// One that came back ends; one that finds nobody goes back; one that finds no room is lost.
void arrive(Event* event) {
  auto* datagram = static_cast<Datagram*>(event);
  Fabric& fabric = datagram->fabric;
  auto sender = std::static_pointer_cast<UdpSocket>(datagram->sender.lock());
  if (datagram->refused) {
    if (sender != nullptr) sender->refused(datagram->to);
    fabric.datagrams.put(datagram);
    return;
  }
  if (sender != nullptr) sender->sent(datagram->charge);
  Ports& ports = fabric.host(datagram->to_side).udp;
  UdpSocket* receiver = pick(ports.receivers(datagram->to, datagram->from), *datagram);
  if (receiver == nullptr) {
    datagram->refused = true;
    uint64_t delay_ns = fabric.choose_delay_ns(datagram->to_side, datagram->from_side);
    uint64_t arrival_ns = fabric.arrival_ns(datagram->to_side, datagram->from_side, 0, delay_ns);
    fabric.world.events.schedule(*datagram, arrival_ns);
  } else if (!receiver->take(datagram)) {
    fabric.datagrams.put(datagram);
  }
}

}  // namespace

Datagram::Datagram(Fabric& its_fabric, ChunkPool& pool)
    : Event(arrive), fabric(its_fabric), bytes(pool) {}

Datagram* Datagrams::get(Fabric& fabric, ChunkPool& pool) {
  if (free_ == nullptr) {
    all_.push_back(std::make_unique<Datagram>(fabric, pool));
    return all_.back().get();
  }
  Datagram* datagram = free_;
  free_ = datagram->next;
  datagram->next = nullptr;
  return datagram;
}

void Datagrams::put(Datagram* datagram) {
  datagram->bytes.clear();
  datagram->sender.reset();
  datagram->refused = false;
  datagram->next = free_;
  free_ = datagram;
}

}  // namespace gatio::fakes
