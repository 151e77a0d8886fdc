// What TCP and UDP sockets of the simulated network have in common: their addresses, options,
// pending error and ends that are shut. Owned like every File; a Network that ends before its
// sockets leaves them dead, and then they may only be destroyed. The simulation's one thread only.
#pragma once

#include <poll.h>

#include <memory>

#include "fakes/file.hpp"
#include "fakes/network/address.hpp"
#include "fakes/network/fabric.hpp"
#include "fakes/network/socket_options.hpp"

namespace gatio::fakes {

class InetSocket : public Socket, public std::enable_shared_from_this<InetSocket> {
 public:
  InetSocket(Fabric& fabric, Side side, int family, int type);
  ~InetSocket() override;

  int bind(const sockaddr* address, socklen_t size) override;
  int getsockname(sockaddr* address, socklen_t* size) override;
  int getpeername(sockaddr* address, socklen_t* size) override;
  int setsockopt(int level, int name, const void* value, socklen_t size) override;
  int getsockopt(int level, int name, void* value, socklen_t* size) override;
  int connect_error() override;
  [[nodiscard]] bool is_stream() const override { return type_ == SOCK_STREAM; }

  [[nodiscard]] virtual bool listening() const { return false; }
  [[nodiscard]] const SocketOptions& options() const { return options_; }
  [[nodiscard]] const Address& local() const { return local_; }
  [[nodiscard]] const Address& remote() const { return remote_; }
  [[nodiscard]] bool has_remote() const { return has_remote_; }
  [[nodiscard]] bool bound_by_connect() const { return bound_by_connect_; }
  [[nodiscard]] int family() const { return family_; }
  // Tells the watches; one of them may drop the last reference to this socket meanwhile.
  void tell(uint32_t events);

 protected:
  static constexpr uint32_t kIn = POLLIN | POLLRDNORM;
  static constexpr uint32_t kOut = POLLOUT | POLLWRNORM;

  [[nodiscard]] Fabric& fabric() const;
  [[nodiscard]] bool alive() const { return fabric_ != nullptr; }
  [[nodiscard]] Ports& ports() const;
  // Binds to a port of the system's choice, if it is not bound.
  int bind_somewhere();
  // Reads the address of a peer and says where it is: 0 or -errno.
  int find_peer(const sockaddr* address, socklen_t size, Address& peer, Side& side) const;
  // Chooses the local address, and the port if there is none, for the remote address.
  int bind_for_connect(const Address& peer);
  void settle_local(const Address& local);
  void forget_remote();
  // The pending error as -errno, once; else 0.
  int take_error();
  virtual void options_changed() {}

  const Side side_;
  const int family_;
  const int type_;
  SocketOptions options_;
  Address local_;
  Address remote_;
  bool has_remote_ = false;
  bool bound_ = false;
  bool bound_by_connect_ = false;
  int error_ = 0;  // positive; what Linux calls sk_err
  bool receive_shut_ = false;
  bool send_shut_ = false;

 private:
  friend class Fabric;
  friend class Ports;
  [[nodiscard]] int check_bindable(const Address& address) const;

  Fabric* fabric_;
  InetSocket* previous_live_ = nullptr;
  InetSocket* next_live_ = nullptr;
  InetSocket* previous_bound_ = nullptr;  // of the same port
  InetSocket* next_bound_ = nullptr;
};

}  // namespace gatio::fakes
