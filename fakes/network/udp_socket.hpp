// A UDP socket of the simulated network. What it sends arrives in order, unless the plan of faults
// has it lost, doubled or overtaken; what finds no room is dropped. Owned like every File; the
// simulation's one thread only.
#pragma once

#include "fakes/network/datagrams.hpp"
#include "fakes/network/inet_socket.hpp"

namespace gatio::fakes {

class UdpSocket final : public InetSocket {
 public:
  UdpSocket(Fabric& fabric, Side side, int family);
  ~UdpSocket() override;

  [[nodiscard]] uint32_t poll() const override;
  int listen(int backlog) override;
  int connect(const sockaddr* address, socklen_t size) override;
  int shutdown(int how) override;
  std::shared_ptr<Socket> accept(int& error, bool& more) override;
  Received receive(std::span<const iovec> to, int flags) override;
  int64_t send(std::span<const iovec> from, int flags, const sockaddr* to,
               socklen_t to_size) override;

  // Its datagram has left the way, or came back because nobody was there.
  void sent(size_t charge);
  void refused(const Address& peer);
  // A datagram for it: false when there is no room.
  bool take(Datagram* datagram);

 private:
  static constexpr size_t kMostBytes = 65507;    // of IPv4: 64 KiB less the headers
  static constexpr size_t kMostBytesV6 = 65527;  // its own header is not counted

  [[nodiscard]] bool writable() const;
  void dispatch(std::span<const iovec> from, size_t bytes, const Address& peer, Side where,
                bool may_double);

  Datagram* first_ = nullptr;  // the queue
  Datagram* last_ = nullptr;
  size_t queued_ = 0;  // charged to the receive buffer
  size_t on_way_ = 0;  // charged to the send buffer
  uint64_t last_arrival_ns_ = 0;
};

}  // namespace gatio::fakes
