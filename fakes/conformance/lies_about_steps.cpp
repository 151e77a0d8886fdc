// Lies that change something else of what was seen at a step.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "fakes/conformance/lies.hpp"
#include "fakes/conformance/runner.hpp"

namespace gatio::fakes::conformance {
namespace {

bool has(const Seen& seen, uint32_t flag) {
  return (seen.flags & flag) != 0;
}

bool flag_is_up(const Look& look, unsigned flag) {
  return (look.kernel_flags & flag) != 0;
}

bool some_seen(const Look& look) {
  return !look.seen.empty();
}

Look* look_at(Observation& observation, Moment moment, bool (*wanted)(const Look&)) {
  for (Look& look : observation.looks) {
    if (look.moment == moment && wanted(look)) return &look;
  }
  return nullptr;
}

// The first look of the step's submission, if it has one.
Look* submission(Observation& observation) {
  if (observation.looks.empty()) return nullptr;
  Look& first = observation.looks.front();
  return first.moment == Moment::submitted ? &first : nullptr;
}

// Moves a CQE that GETEVENTS brought to before it.
template <typename Wanted>
bool move_forward(Observation& observation, Wanted wanted) {
  Look* later = look_at(observation, Moment::fetched, some_seen);
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
    if (look.moment != moment || !flag_is_up(look, flag)) continue;
    look.kernel_flags &= ~flag;
    return true;
  }
  return false;
}

template <typename Wanted>
bool erase(Observation& observation, Wanted wanted) {
  for (Look& look : observation.looks) {
    auto found = std::find_if(look.seen.begin(), look.seen.end(), wanted);
    if (found == look.seen.end()) continue;
    look.seen.erase(found);
    return true;
  }
  return false;
}

template <typename Wanted>
bool swap_two(Observation& observation, Moment moment, Wanted wanted) {
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

bool is_refused(const Observation& observation, const Subject& subject) {
  return std::any_of(
      observation.looks.front().seen.begin(), observation.looks.front().seen.end(),
      [&](const Seen& seen) { return seen.id == subject.request->id && seen.result == -EINVAL; });
}

// Of work for nothing, which is luck, the lie would be no lie.
bool hide_work(Observation& observation, const Scene&) {
  for (size_t i = 0; i + 1 < observation.looks.size(); ++i) {
    Look& look = observation.looks[i];
    if (look.moment != Moment::settled || look.kernel_flags != IORING_SQ_TASKRUN) continue;
    bool comes =
        std::any_of(observation.looks.begin() + static_cast<long>(i) + 1, observation.looks.end(),
                    [&](const Look& later) { return later.ring == look.ring && some_seen(later); });
    if (!comes) continue;
    look.kernel_flags = 0;
    return true;
  }
  return false;
}

// Two that ended at once have but one order in the overflow list.
bool reorder_overflow(Observation& observation, const Scene& scene) {
  bool overflows = false;
  uint8_t ring = 0;
  for (const Look& look : observation.looks) {
    if (look.moment != Moment::settled || look.kernel_flags != IORING_SQ_CQ_OVERFLOW) continue;
    overflows = true;
    ring = look.ring;
  }
  auto is_plain = [&](const Seen& seen) {
    const Subject* subject = scene.find(seen);
    return subject != nullptr && subject->request->op == Op::nop && !subject->chained &&
           !subject->drained && subject->request->flags == 0 && subject->ring == ring;
  };
  return overflows && swap_two(observation, Moment::fetched, [&](const Seen& a, const Seen& b) {
           return is_plain(a) && is_plain(b);
         });
}

// The program submits the batch without SUBMIT_ALL, this says.
bool stop_batch(Observation& observation, const Scene& scene) {
  Look* look = submission(observation);
  const std::vector<Request>& batch = scene.step().requests;
  for (size_t i = 0; look != nullptr && i + 1 < batch.size(); ++i) {
    const Subject& subject = scene.subjects.at(batch[i].id);
    if (subject.chained || !is_refused(observation, subject)) continue;
    for (size_t later = i + 1; later < batch.size(); ++later) {
      for (Look& each : observation.looks) {
        std::erase_if(each.seen, [&](const Seen& seen) { return seen.id == batch[later].id; });
      }
    }
    look->returned = static_cast<int>(i + 1);
    return true;
  }
  return false;
}

// New CQEs come although older ones wait in the overflow list.
bool pass_overflow(Observation& observation, const Scene& scene) {
  Look* look = submission(observation);
  if (look == nullptr || !flag_is_up(*look, IORING_SQ_CQ_OVERFLOW)) return false;
  auto is_new = [&](const Seen& seen) {
    const Subject* subject = scene.find(seen);
    return subject != nullptr && subject->step == scene.at;
  };
  Look* later = look_at(observation, Moment::fetched, some_seen);
  if (later == nullptr || is_new(later->seen.front())) return false;
  return move_forward(observation, is_new);
}

// A multishot request whose CQE found no room has ended.
bool outlive_overflow(Observation& observation, const Scene& scene) {
  bool overflows = false;
  for (Look& look : observation.looks) {
    if (look.ring != observation.looks.front().ring) continue;
    for (Seen& seen : look.seen) {
      const Subject* subject = scene.find(seen);
      bool ends = subject != nullptr && subject->request->op == Op::recv_multishot &&
                  seen.result > 0 && !has(seen, IORING_CQE_F_MORE);
      if (!overflows || !ends) continue;
      seen.flags |= IORING_CQE_F_MORE;
      return true;
    }
    overflows = flag_is_up(look, IORING_SQ_CQ_OVERFLOW) && !flag_is_up(look, IORING_SQ_TASKRUN);
  }
  return false;
}

// Whether an accept into the table of direct descriptors has found it full before this step.
bool lost_connection(const Scene& scene, int listener) {
  for (size_t i = 0; i < scene.at; ++i) {
    for (const Look& look : scene.record[i].looks) {
      for (const Seen& seen : look.seen) {
        const Subject* subject = scene.find(seen);
        if (subject != nullptr && subject->request->object == listener && seen.result == -ENFILE) {
          return true;
        }
      }
    }
  }
  return false;
}

bool accept_lost_connection(Observation& observation, const Scene& scene) {
  Look* look = submission(observation);
  if (look == nullptr) return false;
  for (const Request& request : scene.step().requests) {
    bool accepts = request.op == Op::accept && request.option == 0;
    if (!accepts || !lost_connection(scene, request.object)) continue;
    bool answered =
        std::any_of(observation.looks.begin(), observation.looks.end(), [&](const Look& each) {
          return std::any_of(each.seen.begin(), each.seen.end(),
                             [&](const Seen& seen) { return seen.id == request.id; });
        });
    if (answered) continue;
    look->seen.push_back({.id = request.id, .result = kDescriptor});
    return true;
  }
  return false;
}

// What a drain holds back comes at once.
bool pass_drain(Observation& observation, const Scene& scene) {
  Look* look = submission(observation);
  if (look == nullptr) return false;
  auto is_held = [&](const Seen& seen) {
    const Subject* subject = scene.find(seen);
    return subject != nullptr && subject->drained && subject->step == scene.at;
  };
  if (move_forward(observation, is_held)) return true;
  for (const Request& request : scene.step().requests) {
    const Subject& subject = scene.subjects.at(request.id);
    if (!subject.drained || request.op != Op::nop) continue;
    look->seen.push_back({.id = request.id});
    return true;
  }
  return false;
}

// Whether this step or one before it has closed the descriptor of the object.
bool closes(const Scene& scene, size_t at, int object) {
  const Step& step = scene.program.steps[at];
  if (step.kind == StepKind::close_object && step.object == object) return true;
  return std::any_of(step.requests.begin(), step.requests.end(), [&](const Request& request) {
    return request.op == Op::close && request.object == object &&
           (request.flags & IOSQE_FIXED_FILE) == 0;
  });
}

// A receive that waits at the object, and was there before this step.
const Subject* receive_in_flight(const Scene& scene, int object) {
  for (const auto& [id, subject] : scene.subjects) {
    bool receives = subject.request->op == Op::recv || subject.request->op == Op::recv_multishot;
    if (!receives || subject.request->object != object || subject.chained) continue;
    if (subject.step < scene.at && !scene.ended(subject)) return &subject;
  }
  return nullptr;
}

bool cancel_by_close(Observation& observation, const Scene& scene) {
  const Step& step = scene.step();
  if (step.kind != StepKind::close_object || observation.result != 0) return false;
  const Subject* victim = receive_in_flight(scene, step.object);
  if (victim == nullptr) return false;
  for (Look& look : observation.looks) {
    if (look.moment != Moment::fetched || look.ring != victim->ring) continue;
    look.seen.push_back({.id = victim->request->id, .result = -ECANCELED});
    return true;
  }
  return false;
}

// The peer sees the end of a connection that an operation still holds.
bool end_early(Observation& observation, const Scene& scene) {
  const Step& step = scene.step();
  if (step.kind != StepKind::peer_receive || observation.result != -EAGAIN) return false;
  bool closed = false;
  for (size_t at = 0; at < scene.at; ++at) closed = closed || closes(scene, at, step.object);
  if (!closed || receive_in_flight(scene, step.object) == nullptr) return false;
  observation.result = 0;
  return true;
}

constexpr Lie kLies[] = {
    {"U5", "enter says one more than it took", nullptr,
     [](Observation& observation, const Scene&) {
       Look* look = look_at(observation, Moment::submitted,
                            [](const Look& each) { return each.returned >= 0; });
       if (look != nullptr) ++look->returned;
       return look != nullptr;
     }},
    {"U6", "a bad SQE stops the batch", nullptr, stop_batch},
    {"U8", "what can end at once does not", nullptr,
     [](Observation& observation, const Scene&) {
       Look* look = look_at(observation, Moment::submitted, some_seen);
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
     [](Observation& observation, const Scene&) {
       return swap_two(observation, Moment::submitted, [](const Seen& a, const Seen& b) {
         // A multishot request's CQE may overtake, before Linux 6.15.
         return a.id != b.id && !has(a, IORING_CQE_F_MORE) && !has(b, IORING_CQE_F_MORE);
       });
     }},
    {"U10", "a completion comes without GETEVENTS", nullptr,
     [](Observation& observation, const Scene& scene) {
       // What a worker thread has shut down by then may end others at once.
       bool shuts = std::ranges::any_of(scene.step().requests, [](const Request& request) {
         return request.op == Op::shutdown;
       });
       return !shuts && move_forward(observation,
                                     [](const Seen& seen) { return (seen.id & kDelivered) == 0; });
     }},
    {"U10", "TASKRUN is not raised", nullptr, hide_work},
    {"U11", "one GETEVENTS runs more task work than it may", nullptr,
     [](Observation& observation, const Scene& scene) {
       return scene.step().kind == StepKind::enter && observation.looks[0].seen.size() >= 20 &&
              drop_flag(observation, Moment::fetched, IORING_SQ_TASKRUN);
     }},
    {"U14", "CQ_OVERFLOW is not raised", nullptr,
     [](Observation& observation, const Scene&) {
       return drop_flag(observation, Moment::settled, IORING_SQ_CQ_OVERFLOW);
     }},
    {"U14", "a CQE is lost", nullptr,
     [](Observation& observation, const Scene&) {
       // One that came at once: of two that wait, another may have had the bytes.
       Look* look = look_at(observation, Moment::submitted, some_seen);
       if (look != nullptr) look->seen.pop_back();
       return look != nullptr;
     }},
    {"U14", "a CQE comes twice", nullptr,
     [](Observation& observation, const Scene&) {
       Look* look = look_at(observation, Moment::fetched, some_seen);
       if (look != nullptr) look->seen.push_back(look->seen.back());
       return look != nullptr;
     }},
    {"U14", "CQEs that overflowed change places", nullptr, reorder_overflow},
    {"U15", "a CQE comes before those that overflowed", nullptr, pass_overflow},
    {"U16", "a multishot request that overflowed lives on", nullptr, outlive_overflow},
    {"U17", "a wait that found nothing says 0", nullptr,
     [](Observation& observation, const Scene&) {
       Look* look = look_at(observation, Moment::fetched,
                            [](const Look& each) { return each.returned == -ETIME; });
       if (look != nullptr) look->returned = 0;
       return look != nullptr;
     }},
    {"U26", "a connection that found a full table is accepted later", nullptr,
     accept_lost_connection},
    {"U28", "an accept that skips success skips connections", nullptr,
     [](Observation& observation, const Scene& scene) {
       return erase(observation, [&](const Seen& seen) {
         const Subject* subject = scene.find(seen);
         return subject != nullptr && subject->request->op == Op::accept_multishot &&
                (subject->request->flags & IOSQE_CQE_SKIP_SUCCESS) != 0 &&
                has(seen, IORING_CQE_F_MORE);
       });
     }},
    {"U31", "a group that does not exist is unregistered", nullptr,
     [](Observation& observation, const Scene& scene) {
       bool refused = scene.step().kind == StepKind::drop_group && observation.result < 0;
       if (refused) observation.result = 0;
       return refused;
     }},
    {"U36", "what stands behind a drain does not wait", nullptr, pass_drain},
    {"U36", "what stands behind a drain overtakes it", nullptr,
     [](Observation& observation, const Scene& scene) {
       return swap_two(observation, Moment::fetched, [&](const Seen& a, const Seen& b) {
         const Subject* first = scene.find(a);
         const Subject* second = scene.find(b);
         return first != nullptr && second != nullptr && second->drained &&
                (first->request->flags & IOSQE_IO_DRAIN) != 0;
       });
     }},
    {"U38", "a zero-copy send gives no notification", nullptr,
     [](Observation& observation, const Scene&) {
       return erase(observation, [](const Seen& seen) { return has(seen, IORING_CQE_F_NOTIF); });
     }},
    {"U41", "the victim of a cancel ends before anybody fetches", nullptr,
     [](Observation& observation, const Scene&) {
       return move_forward(observation, [](const Seen& seen) { return seen.result == -ECANCELED; });
     }},
    {"U44", "closing a descriptor cancels what is in flight", nullptr, cancel_by_close},
    {"U44", "a connection ends although an operation holds it", nullptr, end_early},
    {"U48", "messages change places", nullptr,
     [](Observation& observation, const Scene& scene) {
       // Chains have no order among each other.
       bool chained =
           std::any_of(scene.step().requests.begin(), scene.step().requests.end(),
                       [&](const Request& each) { return scene.subjects.at(each.id).chained; });
       return !chained && swap_two(observation, Moment::fetched, [](const Seen& a, const Seen& b) {
         return (a.id & b.id & kDelivered) != 0 && a.id != b.id;
       });
     }},
};

}  // namespace

std::span<const Lie> lies_about_steps() {
  return kLies;
}

}  // namespace gatio::fakes::conformance
