#include "fakes/network/fabric.hpp"

#include <algorithm>

#include "fakes/network/connection.hpp"
#include "fakes/network/inet_socket.hpp"

namespace gatio::fakes {
namespace {

void settle(Host& host, const std::vector<std::string>& addresses) {
  for (const std::string& text : addresses) {
    Subnet subnet = Subnet::parse(text);
    Address& own = subnet.of.is_v4() ? host.v4 : host.v6;
    if (own == Address{}) own = subnet.of;
    host.local.push_back(subnet);
  }
}

}  // namespace

bool Host::has(const Address& address) const {
  return address.is_any() ||
         std::any_of(local.begin(), local.end(), [&](const Subnet& s) { return s.has(address); });
}

Fabric::Fabric(World& its_world, const NetworkOptions& its_options)
    : world(its_world), options(its_options) {
  Host& inside = host(Side::inside);
  settle(inside, options.addresses);
  inside.local.push_back(Subnet::parse("127.0.0.0/8"));
  inside.local.push_back(Subnet::parse("::1"));
  settle(host(Side::outside), options.outside_addresses);
  for (Side from : {Side::inside, Side::outside}) {
    for (Side to : {Side::inside, Side::outside}) {
      link(from, to).options = from == to ? options.loopback : options.outside;
    }
  }
}

Fabric::~Fabric() {
  for (InetSocket* socket = sockets; socket != nullptr; socket = socket->next_live_) {
    socket->fabric_ = nullptr;
  }
  while (connections != nullptr) delete connections;
}

bool Fabric::route(const Address& address, Side& to) const {
  for (Side side : {Side::inside, Side::outside}) {
    to = side;
    if (hosts_[static_cast<size_t>(side)].has(address)) return true;
  }
  return false;
}

Address Fabric::source(Side from, const Address& peer) const {
  const Host& own = hosts_[static_cast<size_t>(from)];
  if (from == Side::inside) {
    if (peer.is_loopback() || peer.is_any()) return Address::loopback(peer.is_v4());
    if (own.has(peer)) return peer;
  }
  return peer.is_v4() ? own.v4 : own.v6;
}

uint64_t Fabric::choose_delay_ns(Side from, Side to) {
  const LinkOptions& options = link(from, to).options;
  uint64_t range = options.most_delay_ns - options.least_delay_ns;
  if (range == 0) return options.least_delay_ns;
  // A choice has 32 bits; of a longer range it chooses the step.
  uint64_t step = range / kChoices + 1;
  auto bound = static_cast<uint32_t>(range / step + 1);
  return options.least_delay_ns + step * world.choices.choose(ChoiceKind::delay, bound);
}

uint64_t Fabric::hash_salt() {
  if (salt_ == kSalts) salt_ = world.choices.choose(ChoiceKind::order, kSalts);
  return salt_;
}

uint64_t Fabric::arrival_ns(Side from, Side to, size_t bytes, uint64_t delay_ns) {
  constexpr uint64_t kSecond = 1'000'000'000;
  uint64_t now = world.clock_ns();
  Link& used = link(from, to);
  if (used.options.bytes_per_second == 0) return now + delay_ns;
  used.free_at_ns =
      std::max(used.free_at_ns, now) + bytes * kSecond / used.options.bytes_per_second;
  return used.free_at_ns + delay_ns;
}

}  // namespace gatio::fakes
