// An operation program: what to do on some rings, sockets and buffers, as plain data, so that it
// can run on any kernel, be made smaller, and be printed as the C++ text of a regression test. It
// names requests by their user_data and descriptors by their place in `objects`. A value; any
// thread.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gatio::fakes::conformance {

enum class Op : uint8_t {
  nop,
  read,
  write,
  send,
  send_zc,
  sendmsg,
  recv,
  recv_multishot,
  recvmsg,
  recvmsg_multishot,
  accept,
  accept_multishot,
  connect,
  socket,
  close,
  shutdown,
  poll,
  poll_multishot,
  poll_remove,
  timeout,
  timeout_multishot,
  timeout_remove,
  timeout_update,
  link_timeout,
  cancel,
  message,
};
inline constexpr unsigned kOps = static_cast<unsigned>(Op::message) + 1;
const char* name(Op op);

// Bits of Request::option for timers.
inline constexpr uint32_t kLong = 1 << 16;  // longer than any program; else it is over at once
// Of Op::accept: into a free direct descriptor.
inline constexpr uint32_t kDirect = 1 << 17;
// Of a send or receive with a group: of as many buffers as it takes.
inline constexpr uint32_t kBundle = 1 << 18;
// Of Op::accept: IORING_ACCEPT_DONTWAIT, Linux 6.10, which liburing 2.3 has no name for.
inline constexpr uint32_t kAcceptDontWait = 1 << 1;
// A descriptor that does not exist.
inline constexpr int kNoObject = -1;

struct Request {
  Op op = Op::nop;
  uint32_t id = 0;  // user_data; two requests may share one
  int object = kNoObject;
  uint32_t bytes = 0;   // to send or receive; for timers, how many completions or shots
  uint32_t option = 0;  // MSG_*, POLL*, IORING_ASYNC_CANCEL_*, IORING_TIMEOUT_*, SHUT_*, a ring
  uint32_t target = 0;  // the id of the request that is to be cancelled, removed or updated
  uint32_t flags = 0;   // IOSQE_*; with IOSQE_FIXED_FILE `object` is the direct descriptor
  uint16_t group = 0;

  bool operator==(const Request&) const = default;
};

enum class ObjectKind : uint8_t {
  listener,  // TCP; its peers are clients
  stream,    // a TCP connection; its peer is the other end
  datagram,  // UDP; its peer is connected to it
  event,     // an eventfd
  fresh,     // a TCP socket that is not connected to anything
};

enum class StepKind : uint8_t {
  submit,        // `requests` on `ring`
  peer_send,     // `amount` bytes to the object; an eventfd is signalled
  peer_receive,  // at most `amount` bytes
  peer_close,
  peer_shutdown,  // of its writing side
  peer_reset,
  peer_connect,  // a new client of a listener
  close_object,  // close(2) of ours
  refill,        // gives back `amount` buffers of `group` on `ring`, in the order of their use
  drop_group,    // unregisters `group` on `ring`
  enter,         // one enter with GETEVENTS, for `amount` completions
  idle,          // nothing but what the end of each step does
};

// What is done at the end of a step.
enum class Fetch : uint8_t {
  all,   // GETEVENTS until nothing more comes
  none,  // completions stay where they are
};

inline constexpr uint32_t kReapAll = ~uint32_t{0};

struct Step {
  StepKind kind = StepKind::idle;
  uint8_t ring = 0;
  int object = kNoObject;
  uint32_t amount = 0;
  uint16_t group = 0;
  Fetch fetch = Fetch::all;
  uint32_t reap = kReapAll;  // how many CQEs each ring's reader takes off
  std::vector<Request> requests;

  bool operator==(const Step&) const = default;
};

// A group of provided buffers, on every ring; it starts full.
struct Group {
  uint16_t count = 4;  // a power of two
  uint32_t size = 64;
  bool incremental = false;

  bool operator==(const Group&) const = default;
};

struct Program {
  uint8_t rings = 1;
  uint16_t sq_entries = 32;
  uint16_t cq_entries = 64;
  // The i-th object is also the i-th direct descriptor, and two more are free. It keeps the object
  // open when its descriptor is closed.
  bool direct = false;
  std::vector<ObjectKind> objects;
  std::vector<Group> groups;
  std::vector<Step> steps;

  bool operator==(const Program&) const = default;
};

// C++ text: `Program program = ...;`.
std::string to_text(const Program& program);
std::string to_text(const Step& step);
std::string to_text(const Request& request);

// Whether it is a send or receive of a bundle.
bool bundles(const Request& request);
// The requests of all steps.
std::vector<const Request*> requests_of(const Program& program);

}  // namespace gatio::fakes::conformance
