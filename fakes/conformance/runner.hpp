// runs one operation program on a host, step by step, and says what was seen. Each step is
// "settled": all that it causes has happened before the next one, so that what is seen depends on
// the kernel's rules and as little as possible on the moment. Made for one run; its thread is the
// issuer of the program's rings.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "fakes/conformance/groups.hpp"
#include "fakes/conformance/host.hpp"
#include "fakes/conformance/peers.hpp"
#include "fakes/conformance/plain_ring.hpp"
#include "fakes/conformance/program.hpp"
#include "fakes/conformance/record.hpp"

namespace gatio::fakes::conformance {

// The id of the CQE that a message's target gets.
inline constexpr uint32_t kDelivered = 1U << 30;

class Runner {
 public:
  Runner(Host& host, const Program& program);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Rings, objects, buffers. 0 or -errno.
  int set_up();
  Observation run(const Step& step);

 private:
  // Memory that an operation refers to; it lives as long as the runner.
  struct Scratch {
    std::vector<char> buffer;
    msghdr header{};
    iovec vector{};
    sockaddr_in address{};
    __kernel_timespec time{};
    Op op = Op::nop;
    uint16_t group = 0;
    bool bundle = false;
    bool direct = false;
    int object = kNoObject;
    uint32_t name_bytes = 0;  // of Op::recvmsg_multishot
    bool awaited = false;
    bool ended = false;  // a CQE has come
    bool drains = false;
    const void* behind = nullptr;  // the ring, if it stands behind a drain of it
    Scratch* next = nullptr;  // in its chain, if that is to be awaited as soon as this has ended
  };
  struct Ring {
    explicit Ring(Kernel& kernel) : groups(kernel) {}
    Groups groups;  // closed after the ring
    PlainRing ring;
    bool drained = false;     // a drain was submitted
    bool drain_over = false;  // and has ended
  };

  Look look(uint8_t ring, Moment moment, int returned);
  Seen seen(Ring& ring, const io_uring_cqe& cqe);
  void settle();
  void await(Scratch& scratch);
  // A CQE of it has come: others now end soon.
  void note_end(Ring& ring, Scratch& scratch, uint32_t cqe_flags);
  void end_step(const Step& step, Observation& observation);
  void fetch_all(const Step& step, Observation& observation);
  // Cancels all and reaps until nothing is in flight.
  void empty(Ring& ring);

  // runner_prepare.cpp
  void prepare(Ring& ring, io_uring_sqe* sqe, const Request& request);
  void expect(Ring& ring, const Request& request, Scratch& scratch);
  void prepare_transfer(io_uring_sqe* sqe, const Request& request, Scratch& scratch, int fd);
  void prepare_socket(io_uring_sqe* sqe, const Request& request, Scratch& scratch, int fd);
  void prepare_timer(io_uring_sqe* sqe, const Request& request, Scratch& scratch);
  void prepare_other(io_uring_sqe* sqe, const Request& request, int fd);
  [[nodiscard]] int descriptor(const Request& request);

  Host& host_;
  const Program& program_;
  Peers peers_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::deque<Scratch> scratches_;
  std::map<uint32_t, Scratch*> by_id_;
  unsigned patience_ = 1;
  // Operations in flight that a worker thread of the kernel does, and memory that the network still
  // holds: they end, but nobody knows when.
  unsigned awaited_ = 0;
  Scratch* chain_ = nullptr;  // the last of the chain that is being prepared
  bool sends_zero_copy_ = false;
  bool shuts_down_ = false;
};

// A whole run. 0 or -errno of what could not be set up.
int run_program(Host& host, const Program& program, Record& record);

}  // namespace gatio::fakes::conformance
