#include "fakes/conformance/generator.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <initializer_list>
#include <iterator>
#include <set>

#include "runtime/base/prng.hpp"

namespace gatio::fakes::conformance {
namespace {

// How often each operation comes, in the order of Op.
constexpr unsigned kOpWeights[kOps] = {6, 2, 3, 8, 4, 2, 10, 10, 3, 4, 5, 5,  2,
                                       1, 3, 2, 6, 6, 3, 5,  3,  4, 3, 3, 10, 4};
// In the order of StepKind.
constexpr unsigned kStepWeights[] = {30, 18, 6, 3, 3, 2, 9, 2, 8, 1, 6, 2};
static_assert(std::size(kStepWeights) == static_cast<size_t>(StepKind::idle) + 1);
constexpr unsigned kFocusFactor = 6;
constexpr uint32_t kLinkFlags = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
constexpr uint32_t kSizes[] = {0, 1, 5, 16, 64, 100, 1000, 3000};

class Generator {
 public:
  explicit Generator(uint64_t seed) : prng_(seed) {}

  Program make() {
    set_up();
    size_t steps = 3 + below(10);
    while (program_.steps.size() < steps) add_step();
    return std::move(program_);
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(prng_.below(bound)); }
  bool percent(uint32_t chance) { return below(100) < chance; }
  template <typename T>
  T any_of(std::initializer_list<T> values) {
    return values.begin()[below(static_cast<uint32_t>(values.size()))];
  }
  uint32_t size() { return kSizes[percent(4) ? 0 : 1 + below(std::size(kSizes) - 1)]; }

  void set_up() {
    program_.rings = percent(25) ? 2 : 1;
    program_.sq_entries = any_of<uint16_t>({4, 8, 32, 32});
    program_.cq_entries = static_cast<uint16_t>(program_.sq_entries * (percent(50) ? 1 : 4));
    program_.direct = percent(30);
    size_t objects = 1 + below(4);
    for (size_t i = 0; i < objects; ++i) {
      program_.objects.push_back(
          any_of({ObjectKind::stream, ObjectKind::stream, ObjectKind::datagram,
                  ObjectKind::listener, ObjectKind::event, ObjectKind::fresh}));
    }
    size_t groups = 1 + below(2);
    for (size_t i = 0; i < groups; ++i) {
      program_.groups.push_back({.count = any_of<uint16_t>({1, 2, 4, 8}),
                                 .size = any_of<uint32_t>({4, 16, 64, 256}),
                                 .incremental = percent(25)});
    }
    // A program is about some operations more than about others.
    weights_ = std::to_array(kOpWeights);
    for (unsigned i = 0; i < 5; ++i) weights_[below(kOps)] *= kFocusFactor;
  }

  template <typename Weights>
  uint32_t weighted(const Weights& weights) {
    uint32_t sum = 0;
    for (unsigned weight : weights) sum += weight;
    uint32_t at = below(sum);
    uint32_t index = 0;
    while (at >= weights[index]) at -= weights[index++];
    return index;
  }

  // An object of one of these kinds, now and then another or none.
  int object(std::initializer_list<ObjectKind> kinds) {
    if (percent(2)) return kNoObject;
    auto any = static_cast<int>(below(static_cast<uint32_t>(program_.objects.size())));
    if (percent(3)) return any;
    for (int i = 0; i < static_cast<int>(program_.objects.size()); ++i) {
      int at = (any + i) % static_cast<int>(program_.objects.size());
      for (ObjectKind kind : kinds) {
        if (program_.objects[static_cast<size_t>(at)] == kind) return at;
      }
    }
    return any;
  }

  uint32_t earlier_id() {
    if (next_id_ == 1 || percent(4)) return 999;
    // Mostly one of the last.
    uint32_t back = percent(70) ? below(4) : below(next_id_ - 1);
    return back >= next_id_ - 1 ? 1 : next_id_ - 1 - back;
  }

  void add_step() {
    Step step;
    step.kind = static_cast<StepKind>(weighted(kStepWeights));
    step.ring = static_cast<uint8_t>(below(program_.rings));
    if (percent(20)) step.fetch = Fetch::none;
    if (percent(12)) step.reap = below(4);
    switch (step.kind) {
      case StepKind::submit:
        add_batch(step);
        break;
      case StepKind::peer_send:
        step.object = object({ObjectKind::stream, ObjectKind::datagram, ObjectKind::event});
        step.amount = size();
        break;
      case StepKind::peer_receive:
        step.object = object({ObjectKind::stream, ObjectKind::datagram});
        step.amount = 1 + below(4000);
        break;
      case StepKind::peer_connect:
        step.object = object({ObjectKind::listener});
        break;
      case StepKind::refill:
        step.group = static_cast<uint16_t>(below(static_cast<uint32_t>(program_.groups.size())));
        step.amount = 1 + below(8);
        break;
      case StepKind::drop_group:
        step.group = static_cast<uint16_t>(below(3));
        break;
      case StepKind::enter:
        step.amount = percent(50) ? 0 : 1 + below(30);
        step.fetch = percent(70) ? Fetch::none : Fetch::all;
        if (drained_[step.ring]) step.kind = StepKind::idle;
        break;
      default:
        step.object = object({ObjectKind::stream, ObjectKind::datagram});
    }
    if (step.kind == StepKind::peer_connect && !is(step.object, ObjectKind::listener)) return;
    if (step.kind == StepKind::peer_reset && !is(step.object, ObjectKind::stream)) return;
    // A peer that has shut down cannot be made to acknowledge what is sent without copying.
    if (step.kind == StepKind::peer_shutdown && zero_copy_) return;
    half_closed_ = half_closed_ || step.kind == StepKind::peer_shutdown;
    program_.steps.push_back(std::move(step));
  }

  [[nodiscard]] bool is(int object, ObjectKind kind) const {
    return object >= 0 && program_.objects[static_cast<size_t>(object)] == kind;
  }

  void add_batch(Step& step) {
    if (percent(10)) step.amount = 1 + below(3);
    uint32_t most = program_.sq_entries;
    // In a small CQ the order of so many would decide what is seen, and Linux' is that of a hash.
    bool many = program_.cq_entries > most && percent(6);
    if (many) {
      // Many of a kind: more task work than one enter runs.
      bool only_nops = drained_[step.ring];
      if (only_nops) step.amount = 0;
      Request request = any_request(only_nops ? Op::nop : static_cast<Op>(weighted(weights_)));
      if (is_slow(request)) step.amount = 0;
      if (request.op == Op::connect) most = 1;
      for (uint32_t i = 0; i < most; ++i) {
        step.requests.push_back(request);
        step.requests.back().id = next_id_++;
        if (request.op == Op::timeout_multishot) repeating_.insert(next_id_ - 1);
      }
      return;
    }
    uint32_t count = 1 + below(most < 5 ? most : 5);
    bool linked = false;
    // Linux gives whatever comes behind a drain to worker threads; only of a nop that is no matter.
    bool& drained = drained_[step.ring];
    bool drains = !drained && percent(2);
    for (uint32_t i = 0; i < count; ++i) {
      if (drained) step.amount = 0;
      auto op = drained ? Op::nop : static_cast<Op>(weighted(weights_));
      if (linked && percent(20)) op = Op::link_timeout;
      if (op == Op::link_timeout && !linked && !percent(10)) op = Op::nop;
      Request request = any_request(op);
      linked = i + 1 < count && percent(25);
      if (drained) linked = false;
      if (linked) request.flags |= percent(75) ? IOSQE_IO_LINK : IOSQE_IO_HARDLINK;
      if (drained) request.flags = 0;
      if (drains && i > 0 && (step.requests.back().flags & kLinkFlags) == 0) {
        request = {.op = Op::nop, .flags = IOSQE_IO_DRAIN};
        drained = true;
        drains = false;
        step.amount = 0;
      }
      // Of a close the runner has to know how it ended.
      if (percent(4) && request.op != Op::close) request.flags |= IOSQE_CQE_SKIP_SUCCESS;
      request.id = next_id_++;
      if (request.op == Op::timeout_multishot) repeating_.insert(request.id);
      step.requests.push_back(request);
    }
    isolate(step.requests);
    for (const Request& each : step.requests) {
      if (is_slow(each)) step.amount = 0;
      // Nobody may take the error that it waits for: Linux would try again for ever.
      if (each.op == Op::connect) step.fetch = Fetch::all;
    }
  }

  // How far it has come when a wait ends is a matter of luck.
  static bool is_slow(const Request& request) {
    switch (request.op) {
      case Op::connect:
      case Op::shutdown:
      case Op::send_zc:
      case Op::timeout:
      case Op::timeout_multishot:
        return true;
      default:
        return (request.flags & kLinkFlags) != 0;
    }
  }

  // Linux spins for ever when somebody else takes the error that a connect waits for; and how far a
  // worker is when it is to be cancelled is a matter of luck.
  static void isolate(std::vector<Request>& batch) {
    for (Request& each : batch) {
      for (Request& other : batch) {
        bool clash = &other != &each && each.op == Op::connect && other.object == each.object;
        clash = clash || (each.op == Op::shutdown && other.op == Op::cancel);
        if (clash) other = {.op = Op::nop, .id = other.id, .flags = other.flags & kLinkFlags};
      }
    }
  }

  Request any_request(Op op) {
    if (op == Op::send_zc && half_closed_) op = Op::send;
    zero_copy_ = zero_copy_ || op == Op::send_zc;
    Request request{.op = op, .object = kNoObject};
    switch (op) {
      case Op::read:
      case Op::write:
        request.object = object({ObjectKind::event, ObjectKind::stream});
        request.bytes = is(request.object, ObjectKind::event) ? 8 : size();
        break;
      case Op::send:
      case Op::send_zc:
      case Op::sendmsg:
        request.object = object({ObjectKind::stream, ObjectKind::datagram});
        request.bytes = size();
        if (percent(30)) request.option = MSG_WAITALL;
        if (op == Op::send && percent(20)) select_buffer(request);
        break;
      case Op::recv:
      case Op::recvmsg:
        request.object = object({ObjectKind::stream, ObjectKind::datagram});
        request.bytes = size();
        if (percent(30)) request.option = any_of<uint32_t>({MSG_WAITALL, MSG_DONTWAIT, MSG_PEEK});
        if (percent(30)) select_buffer(request);
        break;
      case Op::recv_multishot:
        request.object = object({ObjectKind::stream, ObjectKind::datagram});
        if (percent(20)) request.bytes = size();
        if (percent(5)) request.option = MSG_WAITALL;
        if (!percent(4)) select_buffer(request);
        break;
      case Op::recvmsg_multishot:
        request.object = object({ObjectKind::datagram, ObjectKind::stream});
        request.bytes = any_of<uint32_t>({0, 0, 16, 128});
        select_buffer(request);
        break;
      default:
        finish_request(request);
    }
    bool fixed = percent(program_.direct ? 30 : 1);
    if (request.object >= 0 && op != Op::close && fixed) request.flags |= IOSQE_FIXED_FILE;
    return request;
  }

  void select_buffer(Request& request) {
    request.flags |= IOSQE_BUFFER_SELECT;
    request.group = static_cast<uint16_t>(
        percent(4) ? 7 : below(static_cast<uint32_t>(program_.groups.size())));
    bool sends = request.op == Op::send;
    if ((request.op == Op::recv || sends) && percent(50)) request.bytes = 0;
    // What a bundle that waits for all makes of its buffers is not modelled.
    bool waits = !sends && (request.option & MSG_WAITALL) != 0;
    bool message = request.op == Op::recvmsg || request.op == Op::recvmsg_multishot;
    if (!waits && percent(message ? 3 : 40)) request.option |= kBundle;
  }

  // The operations that move no bytes.
  void finish_request(Request& request) {
    switch (request.op) {
      case Op::accept:
        if (percent(20)) request.option = kAcceptDontWait;
        [[fallthrough]];
      case Op::accept_multishot:
        request.object = object({ObjectKind::listener});
        if (percent(program_.direct ? 50 : 2)) request.option = kDirect;
        break;
      case Op::connect:
        request.object = object({ObjectKind::fresh});
        // It might happen to have the port that it is connected to.
        if (is(request.object, ObjectKind::datagram)) request.object = kNoObject;
        // What becomes of a second attempt depends on who has noticed the end of the first.
        if (!connected_.insert(request.object).second) request.object = kNoObject;
        request.option = static_cast<uint32_t>(object({ObjectKind::listener}));
        // The port of another kind of object may happen to be a listener's as well.
        if (!is(static_cast<int>(request.option), ObjectKind::listener)) {
          request.option = static_cast<uint32_t>(kNoObject);
        }
        break;
      case Op::socket:
        request.option = percent(80) ? AF_INET : 77;
        break;
      case Op::close:
        request.object = static_cast<int>(below(static_cast<uint32_t>(program_.objects.size())));
        if (percent(program_.direct ? 50 : 2)) request.flags |= IOSQE_FIXED_FILE;
        break;
      case Op::shutdown:
        request.object = object({ObjectKind::stream, ObjectKind::listener});
        request.option = below(3);
        // Linux spins for ever when somebody receives on it.
        if (is(request.object, ObjectKind::datagram)) request.object = kNoObject;
        // Writing is shut at a listener already, but Linux wakes all who wait for it.
        if (is(request.object, ObjectKind::listener)) request.option = SHUT_RDWR;
        break;
      case Op::poll:
      case Op::poll_multishot:
        request.object = object({ObjectKind::event, ObjectKind::stream, ObjectKind::listener,
                                 ObjectKind::datagram, ObjectKind::fresh});
        request.option = any_of<uint32_t>({POLLIN, POLLIN, POLLOUT, POLLIN | POLLRDHUP, POLLHUP});
        break;
      case Op::message:
        request.option = percent(5) ? 9 : below(program_.rings);
        request.object = object({ObjectKind::event, ObjectKind::stream});
        request.bytes = below(100);
        break;
      case Op::cancel:
        finish_cancel(request);
        break;
      default:
        finish_timer(request);
    }
  }

  void finish_cancel(Request& request) {
    uint32_t all = percent(30) ? IORING_ASYNC_CANCEL_ALL : 0;
    request.target = earlier_id();
    request.object =
        object({ObjectKind::stream, ObjectKind::datagram, ObjectKind::listener, ObjectKind::event});
    request.option = any_of<uint32_t>({0, 0, 0, IORING_ASYNC_CANCEL_FD, IORING_ASYNC_CANCEL_FD,
                                       IORING_ASYNC_CANCEL_ANY, IORING_ASYNC_CANCEL_FD_FIXED}) |
                     all;
    if ((request.option & IORING_ASYNC_CANCEL_FD_FIXED) != 0) {
      request.option |= IORING_ASYNC_CANCEL_FD;
    }
    if (percent(3)) request.option |= 1U << 20;  // no such flag
  }

  void finish_timer(Request& request) {
    switch (request.op) {
      case Op::timeout:
        request.option = percent(50) ? kLong : 0;
        if (request.option == kLong && percent(25)) request.bytes = 1 + below(3);
        counting_ = counting_ || request.bytes > 0;
        // Whether one that is over at once counts for another depends on the very moment.
        if (!counting_ && percent(20)) request.option |= IORING_TIMEOUT_ABS;
        if (percent(20)) request.option |= IORING_TIMEOUT_ETIME_SUCCESS;
        break;
      case Op::timeout_multishot:
        request.option = percent(30) ? kLong : 0;
        request.bytes = 1 + below(3);
        break;
      case Op::timeout_update:
        // One that repeats would do so for ever from then on.
        do {
          request.target = earlier_id();
        } while (repeating_.contains(request.target));
        request.option = percent(50) ? kLong : 0;
        break;
      case Op::link_timeout:
        request.option = percent(60) ? 0 : kLong;
        break;
      default:  // poll_remove, timeout_remove, nop
        request.target = request.op == Op::nop ? 0 : earlier_id();
    }
  }

  Prng prng_;
  Program program_;
  std::array<unsigned, kOps> weights_{};
  std::array<bool, 2> drained_{};  // by ring
  std::set<uint32_t> repeating_;   // ids of timers
  std::set<int> connected_;        // objects
  bool counting_ = false;          // a timer counts completions
  bool zero_copy_ = false;
  bool half_closed_ = false;  // a peer has shut down its writing side
  uint32_t next_id_ = 1;
};

}  // namespace

Program generate(uint64_t seed) {
  return Generator(seed).make();
}

}  // namespace gatio::fakes::conformance
