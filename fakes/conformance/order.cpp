#include "fakes/conformance/order.hpp"

#include <algorithm>

#include "fakes/conformance/runner.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr uint32_t kLinks = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;

std::vector<Seen> of_request(const std::vector<Seen>& all, uint32_t id) {
  std::vector<Seen> result;
  std::copy_if(all.begin(), all.end(), std::back_inserter(result),
               [&](const Seen& seen) { return seen.id == id; });
  return result;
}

// Whether there was task work of which nothing came, as far as it was fetched. Where a worker adds
// some while other is run Linux runs it too, and leaves the flag raised.
bool woken_for_nothing(const Observation& observation, const Look& look, bool workers) {
  if ((look.kernel_flags & IORING_SQ_TASKRUN) == 0) return false;
  if (look.moment != Moment::settled && !workers) return false;
  return std::all_of(observation.looks.begin(), observation.looks.end(), [&](const Look& later) {
    return &later <= &look || later.ring != look.ring || later.seen.empty();
  });
}

// Whether what is seen comes from the overflow list alone, whose order is kept (rule U14).
bool flushes_overflow(const Observation& observation, size_t at) {
  const Look& look = observation.looks[at];
  if (look.moment != Moment::fetched) return false;
  for (size_t before = at; before-- > 0;) {
    const Look& earlier = observation.looks[before];
    if (earlier.ring == look.ring) return earlier.kernel_flags == IORING_SQ_CQ_OVERFLOW;
  }
  return false;
}

}  // namespace

Order::Order(const Program& program) {
  size_t chains = 0;
  for (const Step& step : program.steps) {
    const std::vector<Request>& batch = step.requests;
    for (size_t from = 0; from < batch.size();) {
      size_t to = from + 1;  // behind the chain, which may be of one request
      while (to < batch.size() && (batch[to - 1].flags & kLinks) != 0) ++to;
      size_t chain = to - from > 1 ? ++chains : 0;
      bool timed = std::any_of(
          batch.begin() + static_cast<long>(from), batch.begin() + static_cast<long>(to),
          [](const Request& request) { return request.op == Op::link_timeout; });
      for (; from < to; ++from) {
        bool drains = (batch[from].flags & IOSQE_IO_DRAIN) != 0;
        workers_ = workers_ || drains || batch[from].op == Op::shutdown;
        places_.try_emplace(batch[from].id,
                            Place{.chain = chain, .drains = drains, .timed = timed});
      }
    }
  }
}

const Order::Place* Order::find(uint32_t id) const {
  auto found = places_.find(id);
  return found == places_.end() ? nullptr : &found->second;
}

bool Order::fixed(const Seen& a, const Seen& b, Moment moment) const {
  if ((a.id & b.id & kDelivered) != 0) return true;  // messages of one sender (U48)
  if (moment == Moment::submitted) return true;      // what ends at once, ends in turn (U8)
  const Place* first = find(a.id);
  const Place* second = find(b.id);
  if (first == nullptr || second == nullptr) return false;
  if (first->drains || second->drains) return true;  // U36
  // When the network lets go of memory is nobody's order.
  if (((a.flags | b.flags) & IORING_CQE_F_NOTIF) != 0) return false;
  return first->chain != 0 && first->chain == second->chain && !first->timed;  // U35
}

bool Order::same(const Look& a, const Look& b, unsigned luck, bool in_order) const {
  if (a.moment != b.moment || a.ring != b.ring || a.returned != b.returned ||
      ((a.kernel_flags ^ b.kernel_flags) & ~luck) != 0 || a.seen.size() != b.seen.size()) {
    return false;
  }
  if (a.seen == b.seen) return true;
  if (in_order) return false;
  for (const Seen& seen : a.seen) {
    if (of_request(a.seen, seen.id) != of_request(b.seen, seen.id)) return false;
  }
  // Where the k-th CQE of a request stands in b.
  auto place_in_b = [&](size_t at) {
    auto earlier = std::count_if(a.seen.begin(), a.seen.begin() + static_cast<long>(at),
                                 [&](const Seen& seen) { return seen.id == a.seen[at].id; });
    for (size_t i = 0; i < b.seen.size(); ++i) {
      if (b.seen[i].id == a.seen[at].id && earlier-- == 0) return i;
    }
    return b.seen.size();
  };
  for (size_t i = 0; i < a.seen.size(); ++i) {
    for (size_t j = i + 1; j < a.seen.size(); ++j) {
      bool turned = fixed(a.seen[i], a.seen[j], a.moment) && place_in_b(i) > place_in_b(j);
      if (turned) return false;
    }
  }
  return true;
}

bool Order::same(const Step& step, const Observation& real, const Observation& fake) const {
  if (real.result != fake.result || real.data != fake.data ||
      real.looks.size() != fake.looks.size()) {
    return false;
  }
  for (size_t i = 0; i < real.looks.size(); ++i) {
    // Whether task work is there already when submit returns is a matter of luck (operations that a
    // worker thread does, timers); when all has settled it is not.
    bool early = i == 0 && (step.kind == StepKind::submit ||
                            (step.kind == StepKind::enter && real.looks[0].seen.size() < 20));
    bool lucky = early || woken_for_nothing(real, real.looks[i], workers_);
    bool in_order = flushes_overflow(real, i);
    if (!same(real.looks[i], fake.looks[i], lucky ? IORING_SQ_TASKRUN : 0, in_order)) return false;
  }
  return true;
}

}  // namespace gatio::fakes::conformance
