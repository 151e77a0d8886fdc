#include "fakes/conformance/lies.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "fakes/conformance/runner.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

bool has(const Seen& seen, uint32_t flag) {
  return (seen.flags & flag) != 0;
}

bool flip(Seen& seen, uint32_t flag, bool where) {
  if (where) seen.flags ^= flag;
  return where;
}

bool change(int32_t& result, int32_t to, bool where) {
  if (where) result = to;
  return where;
}

bool receives(Op op) {
  return op == Op::recv || op == Op::recv_multishot || op == Op::recvmsg || op == Op::read;
}

Look* look_at(Observation& observation, Moment moment, bool (*wanted)(const Look&)) {
  for (Look& look : observation.looks) {
    if (look.moment == moment && wanted(look)) return &look;
  }
  return nullptr;
}

// Moves a CQE that GETEVENTS brought to before it.
bool move_forward(Observation& observation, bool (*wanted)(const Seen&)) {
  Look* later =
      look_at(observation, Moment::fetched, [](const Look& look) { return !look.seen.empty(); });
  if (later == nullptr) return false;
  for (Look& look : observation.looks) {
    if (look.ring != later->ring || look.moment == Moment::fetched) continue;
    auto found = std::find_if(later->seen.begin(), later->seen.end(), wanted);
    if (found == later->seen.end()) return false;
    look.seen.push_back(*found);
    later->seen.erase(found);
    return true;
  }
  return false;
}

bool drop_flag(Observation& observation, Moment moment, unsigned flag) {
  for (Look& look : observation.looks) {
    if (look.moment != moment || (look.kernel_flags & flag) == 0) continue;
    look.kernel_flags &= ~flag;
    return true;
  }
  return false;
}

bool erase(Observation& observation, bool (*wanted)(const Seen&)) {
  for (Look& look : observation.looks) {
    auto found = std::find_if(look.seen.begin(), look.seen.end(), wanted);
    if (found == look.seen.end()) continue;
    look.seen.erase(found);
    return true;
  }
  return false;
}

bool swap_two(Observation& observation, Moment moment, bool (*wanted)(const Seen&, const Seen&)) {
  for (Look& look : observation.looks) {
    if (look.moment != moment) continue;
    for (size_t i = 0; i + 1 < look.seen.size(); ++i) {
      if (look.seen[i] == look.seen[i + 1] || !wanted(look.seen[i], look.seen[i + 1])) continue;
      std::swap(look.seen[i], look.seen[i + 1]);
      return true;
    }
  }
  return false;
}

constexpr Lie kLies[] = {
    {"U5", "enter says one more than it took", nullptr,
     [](Observation& observation, const Step&) {
       Look* look = look_at(observation, Moment::submitted,
                            [](const Look& each) { return each.returned >= 0; });
       if (look != nullptr) ++look->returned;
       return look != nullptr;
     }},
    {"U7", "a chain with a bad SQE is cancelled with 0",
     [](Seen& seen, const Request& request) {
       return change(seen.result, 0, seen.result == -ECANCELED && request.op == Op::nop);
     },
     nullptr},
    {"U8", "what can end at once does not", nullptr,
     [](Observation& observation, const Step&) {
       Look* look = look_at(observation, Moment::submitted,
                            [](const Look& each) { return !each.seen.empty(); });
       if (look == nullptr) return false;
       Seen last = look->seen.back();
       look->seen.pop_back();
       for (Look& later : observation.looks) {
         if (later.ring != look->ring || later.moment != Moment::fetched) continue;
         later.seen.push_back(last);
         return true;
       }
       return false;
     }},
    {"U8", "two that end at once end in the other order", nullptr,
     [](Observation& observation, const Step&) {
       return swap_two(observation, Moment::submitted, [](const Seen& a, const Seen& b) {
         // A multishot request's CQE may overtake, before Linux 6.15.
         return a.id != b.id && !has(a, IORING_CQE_F_MORE) && !has(b, IORING_CQE_F_MORE);
       });
     }},
    {"U10", "a completion comes without GETEVENTS", nullptr,
     [](Observation& observation, const Step&) {
       return move_forward(observation,
                           [](const Seen& seen) { return (seen.id & kDelivered) == 0; });
     }},
    {"U10", "TASKRUN is not raised", nullptr,
     [](Observation& observation, const Step&) {
       return drop_flag(observation, Moment::settled, IORING_SQ_TASKRUN);
     }},
    {"U11", "one GETEVENTS runs more task work than it may", nullptr,
     [](Observation& observation, const Step& step) {
       return step.kind == StepKind::enter && observation.looks[0].seen.size() >= 20 &&
              drop_flag(observation, Moment::fetched, IORING_SQ_TASKRUN);
     }},
    {"U14", "CQ_OVERFLOW is not raised", nullptr,
     [](Observation& observation, const Step&) {
       return drop_flag(observation, Moment::settled, IORING_SQ_CQ_OVERFLOW);
     }},
    {"U14", "a CQE is lost", nullptr,
     [](Observation& observation, const Step&) {
       // One that came at once: of two that wait, another may have had the bytes.
       Look* look = look_at(observation, Moment::submitted,
                            [](const Look& each) { return !each.seen.empty(); });
       if (look != nullptr) look->seen.pop_back();
       return look != nullptr;
     }},
    {"U14", "a CQE comes twice", nullptr,
     [](Observation& observation, const Step&) {
       Look* look = look_at(observation, Moment::fetched,
                            [](const Look& each) { return !each.seen.empty(); });
       if (look != nullptr) look->seen.push_back(look->seen.back());
       return look != nullptr;
     }},
    {"U17", "a wait that found nothing says 0", nullptr,
     [](Observation& observation, const Step&) {
       Look* look = look_at(observation, Moment::fetched,
                            [](const Look& each) { return each.returned == -ETIME; });
       if (look != nullptr) look->returned = 0;
       return look != nullptr;
     }},
    {"U19", "the end of a multishot request says MORE",
     [](Seen& seen, const Request& request) {
       bool multishot = request.op == Op::accept_multishot || request.op == Op::poll_multishot ||
                        request.op == Op::recv_multishot || request.op == Op::timeout_multishot;
       return flip(seen, IORING_CQE_F_MORE, multishot && !has(seen, IORING_CQE_F_MORE));
     },
     nullptr},
    {"U19", "a multishot request that lives does not say MORE",
     [](Seen& seen, const Request&) {
       return flip(seen, IORING_CQE_F_MORE, has(seen, IORING_CQE_F_MORE));
     },
     nullptr},
    {"U20", "the end of a stream says nothing of the socket",
     [](Seen& seen, const Request&) {
       return flip(seen, IORING_CQE_F_SOCK_NONEMPTY,
                   seen.result == 0 && has(seen, IORING_CQE_F_SOCK_NONEMPTY));
     },
     nullptr},
    {"U21", "an empty group counts as the end of a stream",
     [](Seen& seen, const Request&) { return change(seen.result, 0, seen.result == -ENOBUFS); },
     nullptr},
    {"U22", "a multishot receive without a group is taken",
     [](Seen& seen, const Request& request) {
       bool without =
           request.op == Op::recv_multishot && (request.flags & IOSQE_BUFFER_SELECT) == 0;
       return change(seen.result, -ENOBUFS, without && seen.result == -EINVAL);
     },
     nullptr},
    {"U24", "a buffer that is too small for the header is filled",
     [](Seen& seen, const Request& request) {
       return change(seen.result, 16,
                     request.op == Op::recvmsg_multishot && seen.result == -EFAULT);
     },
     nullptr},
    {"U27", "an accept at a listener that is shut down is cancelled",
     [](Seen& seen, const Request& request) {
       bool accepts = request.op == Op::accept || request.op == Op::accept_multishot;
       return change(seen.result, -ECANCELED, accepts && seen.result == -EINVAL);
     },
     nullptr},
    {"U29", "another buffer is used",
     [](Seen& seen, const Request&) {
       return flip(seen, 1U << IORING_CQE_BUFFER_SHIFT, has(seen, IORING_CQE_F_BUFFER));
     },
     nullptr},
    {"U30", "an incremental buffer is used up too early",
     [](Seen& seen, const Request&) {
       return flip(seen, uapi::kCqeBufferMore, has(seen, uapi::kCqeBufferMore));
     },
     nullptr},
    {"U31", "a group that does not exist is unregistered", nullptr,
     [](Observation& observation, const Step& step) {
       return step.kind == StepKind::drop_group &&
              change(observation.result, 0, observation.result < 0);
     }},
    {"U35", "a link goes on after a failure",
     [](Seen& seen, const Request&) { return change(seen.result, 1, seen.result == -ECANCELED); },
     nullptr},
    {"U37", "a link timeout that struck says that it was cancelled",
     [](Seen& seen, const Request& request) {
       return change(seen.result, -ECANCELED,
                     request.op == Op::link_timeout && seen.result == -ETIME);
     },
     nullptr},
    {"U38", "a zero-copy send gives no notification", nullptr,
     [](Observation& observation, const Step&) {
       return erase(observation, [](const Seen& seen) { return has(seen, IORING_CQE_F_NOTIF); });
     }},
    {"U40", "cancelling all counts one too many",
     [](Seen& seen, const Request& request) {
       bool counts = request.op == Op::cancel && seen.result > 0;
       return change(seen.result, seen.result + 1, counts);
     },
     nullptr},
    {"U40", "cancelling nothing succeeds",
     [](Seen& seen, const Request& request) {
       return change(seen.result, 0, request.op == Op::cancel && seen.result == -ENOENT);
     },
     nullptr},
    {"U41", "the victim of a cancel ends before anybody fetches", nullptr,
     [](Observation& observation, const Step&) {
       return move_forward(observation, [](const Seen& seen) { return seen.result == -ECANCELED; });
     }},
    {"U42", "a byte is lost",
     [](Seen& seen, const Request& request) {
       bool some = receives(request.op) && seen.result > 0;
       return change(seen.result, seen.result - 1, some);
     },
     nullptr},
    {"U42", "a byte is another one",
     [](Seen& seen, const Request&) {
       bool some = seen.data != 0;
       if (some) seen.data ^= 1;
       return some;
     },
     nullptr},
    {"U43", "a timer that was not there is removed",
     [](Seen& seen, const Request& request) {
       return change(seen.result, 0, request.op == Op::timeout_remove && seen.result == -ENOENT);
     },
     nullptr},
    {"U45", "the end of a connection is another error",
     [](Seen& seen, const Request&) {
       return change(seen.result, -ECONNRESET, seen.result == -EPIPE);
     },
     nullptr},
    {"U48", "messages change places", nullptr,
     [](Observation& observation, const Step& step) {
       // Chains have no order among each other.
       bool chained = std::any_of(step.requests.begin(), step.requests.end(), [](const auto& each) {
         return (each.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
       });
       return !chained && swap_two(observation, Moment::fetched, [](const Seen& a, const Seen& b) {
         return (a.id & b.id & kDelivered) != 0 && a.id != b.id;
       });
     }},
    {"U49", "a message into a full CQ fails",
     [](Seen& seen, const Request& request) {
       return change(seen.result, -EOVERFLOW, request.op == Op::message && seen.result == 0);
     },
     nullptr},
};

// Whether the order in which CQEs find room may decide how they look (rule U16).
bool is_tight(const Program& program) {
  return program.cq_entries < 32 || std::any_of(program.steps.begin(), program.steps.end(),
                                                [](const Step& step) { return step.reap < 4; });
}

// Whether something takes a buffer without saying so.
bool is_silent(const Program& program) {
  constexpr uint32_t kBoth = IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS;
  std::vector<const Request*> all = requests_of(program);
  return std::any_of(all.begin(), all.end(),
                     [](const Request* request) { return (request->flags & kBoth) == kBoth; });
}

}  // namespace

std::span<const Lie> all_lies() {
  return kLies;
}

bool plant(const Lie& lie, const Program& program, Record& record, Prng& prng) {
  if (lie.about_cqe != nullptr && (is_tight(program) || is_silent(program))) return false;
  std::map<uint32_t, const Request*> by_id;
  for (const Request* request : requests_of(program)) by_id.try_emplace(request->id, request);
  size_t start = prng.below(record.size() + 1);
  for (size_t i = 0; i < record.size(); ++i) {
    size_t step = (start + i) % record.size();
    if (lie.about_step != nullptr) {
      Observation changed = record[step];
      if (!lie.about_step(changed, program.steps[step])) continue;
      record[step] = std::move(changed);
      return true;
    }
    for (Look& look : record[step].looks) {
      for (Seen& seen : look.seen) {
        auto found = by_id.find(seen.id);
        if (found != by_id.end() && lie.about_cqe(seen, *found->second)) return true;
      }
    }
  }
  return false;
}

}  // namespace gatio::fakes::conformance
