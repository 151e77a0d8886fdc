#include "fakes/conformance/lies.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace gatio::fakes::conformance {
namespace {

constexpr uint32_t kLinks = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;

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

std::map<uint32_t, Subject> subjects_of(const Program& program) {
  std::map<uint32_t, Subject> subjects;
  std::map<uint8_t, bool> drained;
  for (size_t at = 0; at < program.steps.size(); ++at) {
    const Step& step = program.steps[at];
    const Request* before = nullptr;
    for (const Request& request : step.requests) {
      bool links = (request.flags & kLinks) != 0;
      subjects.try_emplace(request.id, Subject{.request = &request,
                                               .before = before,
                                               .chained = links || before != nullptr,
                                               .drained = drained[step.ring],
                                               .ring = step.ring,
                                               .step = at});
      if ((request.flags & IOSQE_IO_DRAIN) != 0) drained[step.ring] = true;
      before = links ? &request : nullptr;
    }
  }
  return subjects;
}

}  // namespace

const Subject* Scene::find(const Seen& seen) const {
  auto found = subjects.find(seen.id);
  return found == subjects.end() ? nullptr : &found->second;
}

bool Scene::ended(const Subject& subject) const {
  for (size_t i = subject.step; i < at; ++i) {
    for (const Look& look : record[i].looks) {
      for (const Seen& seen : look.seen) {
        if (seen.id == subject.request->id && (seen.flags & IORING_CQE_F_MORE) == 0) return true;
      }
    }
  }
  return false;
}

std::span<const Lie> all_lies() {
  static const std::vector<Lie> kAll = [] {
    std::vector<Lie> all;
    for (std::span<const Lie> some : {lies_about_cqes(), lies_about_steps()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return kAll;
}

bool plant(const Lie& lie, const Program& program, Record& record, Prng& prng) {
  if (lie.about_cqe != nullptr && (is_tight(program) || is_silent(program))) return false;
  std::map<uint32_t, Subject> subjects = subjects_of(program);
  size_t start = prng.below(record.size() + 1);
  for (size_t i = 0; i < record.size(); ++i) {
    Scene scene{.program = program,
                .record = record,
                .at = (start + i) % record.size(),
                .subjects = subjects};
    Observation& observation = record[scene.at];
    if (lie.about_step != nullptr) {
      Observation changed = observation;
      if (!lie.about_step(changed, scene)) continue;
      observation = std::move(changed);
      return true;
    }
    for (Look& look : observation.looks) {
      for (Seen& seen : look.seen) {
        const Subject* subject = scene.find(seen);
        if (subject != nullptr && lie.about_cqe(seen, *subject)) return true;
      }
    }
  }
  return false;
}

}  // namespace gatio::fakes::conformance
