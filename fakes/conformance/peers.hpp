// The objects of a program, ours and their peers, and what the peers do: they act on a ring of
// their own, one operation at a time. Owned by a Runner; its one thread only.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "fakes/conformance/host.hpp"
#include "fakes/conformance/plain_ring.hpp"
#include "fakes/conformance/program.hpp"

namespace gatio::fakes::conformance {

uint64_t hash_of(std::span<const char> bytes);

struct Object {
  ObjectKind kind = ObjectKind::event;
  int fd = -1;
  int peer = -1;
  bool closed = false;
  sockaddr_in address{};
  uint64_t sent = 0;       // by us: bytes have contents that depend on their place in the stream
  uint64_t peer_sent = 0;  // by the peer
};

class Peers {
 public:
  explicit Peers(Host& host) : host_(host) {}
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // 0 or -errno.
  int set_up(const std::vector<ObjectKind>& kinds);
  [[nodiscard]] std::vector<Object>& objects() { return objects_; }
  [[nodiscard]] Object* find(int object);

  // What a step of that kind does; bytes or 0, or -errno.
  int act(const Step& step, uint64_t& data);
  // The next bytes that we or the peer send.
  static std::vector<char> contents(int object, bool ours, uint64_t position, uint32_t bytes);
  // Makes all peers read and acknowledge what they have received: until then a zero-copy send keeps
  // its memory, and when they acknowledge it by themselves is a matter of luck.
  void acknowledge();
  // Makes them acknowledge without reading: whoever has sent his end is woken by that.
  void acknowledge_ends();
  // Is closed at the end, without lingering.
  void adopt(int fd) { adopted_.push_back(fd); }

 private:
  int call(const std::function<void(io_uring_sqe*)>& prepare);
  int set_up(Object& object);
  int connect_pair(Object& object);
  int bind_local(int fd, sockaddr_in& address);
  int send(int index, Object& object, uint32_t bytes);
  int receive(Object& object, uint32_t bytes, uint64_t& data);
  int close_peer(Object& object, bool reset);
  int new_client(Object& listener);
  void close_at_once(int fd);

  Host& host_;
  Kernel& kernel_ = host_.kernel();
  PlainRing ring_;
  std::vector<Object> objects_;
  std::vector<int> adopted_;
};

}  // namespace gatio::fakes::conformance
