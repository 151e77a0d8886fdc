#include "fakes/conformance/statistics.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fakes/conformance/runner.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr const char* kRules[] = {
    "U5",  "U6",  "U7",  "U8",  "U10", "U11", "U14", "U15", "U16", "U17", "U19", "U20",
    "U21", "U22", "U24", "U26", "U27", "U28", "U29", "U30", "U31", "U33", "U35", "U36",
    "U37", "U38", "U39", "U40", "U41", "U42", "U43", "U44", "U45", "U48", "U49",
};

bool is_receive_multishot(Op op) {
  return op == Op::recv_multishot || op == Op::recvmsg_multishot;
}

bool is_multishot(Op op) {
  return is_receive_multishot(op) || op == Op::accept_multishot || op == Op::poll_multishot ||
         op == Op::timeout_multishot;
}

}  // namespace

std::span<const char* const> all_rules() {
  return kRules;
}

std::string result_class(const Seen& seen) {
  std::string text;
  if (seen.result < 0) {
    const char* error = strerrorname_np(-seen.result);
    text = error != nullptr ? std::string("-") + error : std::to_string(seen.result);
  } else {
    text = seen.result == 0 ? "0" : "ok";
  }
  if ((seen.flags & IORING_CQE_F_MORE) != 0) text += "|MORE";
  if ((seen.flags & IORING_CQE_F_NOTIF) != 0) text += "|NOTIF";
  if ((seen.flags & uapi::kCqeBufferMore) != 0) text += "|BUF_MORE";
  return text;
}

bool Statistics::Progress::is(int object, ObjectKind kind) const {
  return object >= 0 && static_cast<size_t>(object) < program.objects.size() &&
         program.objects[static_cast<size_t>(object)] == kind;
}

bool Statistics::Progress::in_flight(int object) const {
  return std::ranges::any_of(by_id, [&](const auto& entry) {
    const Request& request = *entry.second;
    bool waits = request.op == Op::recv || request.op == Op::accept || request.op == Op::poll ||
                 (is_multishot(request.op) && request.op != Op::timeout_multishot);
    return waits && request.object == object && !ended.contains(request.id) &&
           (request.flags & IOSQE_CQE_SKIP_SUCCESS) == 0;
  });
}

bool Statistics::Progress::runs(uint32_t timer) const {
  auto found = by_id.find(timer);
  if (found == by_id.end() || ended.contains(timer)) return false;
  return found->second->op == Op::timeout || found->second->op == Op::timeout_multishot;
}

void Statistics::close(int object, Progress& progress) {
  if (progress.in_flight(object)) ++rules_["U44"];
  progress.closed.insert(object);
}

void Statistics::count(const Program& program, const Record& record) {
  ++programs_;
  Progress progress{.program = program, .by_id = {}, .ended = {}, .closed = {}};
  bool taskrun = false;
  bool overflowed = false;
  for (size_t i = 0; i < record.size(); ++i) {
    ++steps_;
    const Step& step = program.steps[i];
    for (const Request& request : step.requests) progress.by_id.try_emplace(request.id, &request);
    if (step.kind == StepKind::submit) count_batch(step, record[i]);
    if (step.kind == StepKind::refill && record[i].result > 0) ++rules_["U29"];
    if (step.kind == StepKind::drop_group) ++rules_["U31"];
    if (step.kind == StepKind::close_object && record[i].result == 0) {
      close(step.object, progress);
    }
    for (const Look& look : record[i].looks) {
      bool overflows = (look.kernel_flags & IORING_SQ_CQ_OVERFLOW) != 0;
      if (overflows) ++rules_["U14"];
      if (overflowed && look.moment == Moment::submitted && look.seen.empty()) ++rules_["U15"];
      if (look.moment == Moment::settled) overflowed = overflows;
      bool deferred = (look.kernel_flags & IORING_SQ_TASKRUN) != 0;
      bool once = step.kind == StepKind::enter && look.moment == Moment::fetched;
      if (taskrun && once && deferred) ++rules_["U11"];
      if (taskrun && look.moment == Moment::fetched && !look.seen.empty()) ++rules_["U10"];
      if (look.moment == Moment::settled) taskrun = deferred;
      if (look.returned == -ETIME) ++rules_["U17"];
      for (const Seen& seen : look.seen) {
        ++completions_;
        if ((seen.id & kDelivered) != 0) {
          ++results_["delivered message"][result_class(seen)];
          ++rules_[overflows ? "U49" : "U48"];
          continue;
        }
        auto found = progress.by_id.find(seen.id);
        if (found == progress.by_id.end()) continue;
        const Request& request = *found->second;
        ++results_[name(request.op)][result_class(seen)];
        count_completion(request, seen, look.moment, progress);
        bool more = (seen.flags & IORING_CQE_F_MORE) != 0;
        if (overflows && is_multishot(request.op) && seen.result >= 0 && !more) ++rules_["U16"];
        if (!more) progress.ended.insert(seen.id);
        bool closes = request.op == Op::close && (request.flags & IOSQE_FIXED_FILE) == 0;
        if (closes && seen.result == 0) close(request.object, progress);
      }
    }
  }
}

void Statistics::count_batch(const Step& step, const Observation& observation) {
  ++rules_["U5"];
  std::set<uint32_t> chained;
  bool linked = false;
  for (const Request& request : step.requests) {
    bool links = (request.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
    if (links || linked) chained.insert(request.id);
    if ((request.flags & IOSQE_IO_DRAIN) != 0) ++rules_["U36"];
    linked = links;
  }
  for (const Look& look : observation.looks) {
    for (const Seen& seen : look.seen) {
      bool is_chained = chained.contains(seen.id);
      if (seen.result == -ECANCELED && is_chained) ++rules_["U35"];
      if (seen.result == -EINVAL && look.moment == Moment::submitted) {
        ++rules_[is_chained ? "U7" : "U6"];
      }
      if (seen.result >= 0 && look.moment == Moment::submitted) ++rules_["U8"];
    }
  }
}

void Statistics::count_completion(const Request& request, const Seen& seen, Moment moment,
                                  const Progress& progress) {
  bool more = (seen.flags & IORING_CQE_F_MORE) != 0;
  switch (request.op) {
    case Op::recv_multishot:
    case Op::recvmsg_multishot:
    case Op::recv:
    case Op::recvmsg:
      count_receive(request, seen, progress);
      break;
    case Op::accept:
    case Op::accept_multishot: {
      bool shut = seen.result == -EINVAL && progress.is(request.object, ObjectKind::listener);
      bool late = seen.result >= 0 && progress.closed.contains(request.object);
      if (shut || late) ++rules_["U27"];
      if (seen.result == -ENFILE) ++rules_["U26"];
      bool skips = (request.flags & IOSQE_CQE_SKIP_SUCCESS) != 0;
      if (request.op == Op::accept_multishot && skips && more) ++rules_["U28"];
      break;
    }
    case Op::link_timeout:
      ++rules_["U37"];
      break;
    case Op::send_zc:
      ++rules_[seen.result == -ECANCELED && !more ? "U39" : "U38"];
      break;
    case Op::cancel:
      ++rules_["U40"];
      if (seen.result >= 0 && moment == Moment::submitted) ++rules_["U41"];
      break;
    case Op::timeout_remove:
      // It has expired, and its CQE is not delivered yet.
      if (seen.result == -ENOENT && progress.runs(request.target)) ++rules_["U43"];
      break;
    default:
      break;
  }
  if (is_multishot(request.op) && !more) ++rules_["U19"];
}

void Statistics::count_receive(const Request& request, const Seen& seen, const Progress& progress) {
  bool multishot = is_receive_multishot(request.op);
  bool selects = (request.flags & IOSQE_BUFFER_SELECT) != 0;
  if (seen.result == 0 && (seen.flags & IORING_CQE_F_SOCK_NONEMPTY) != 0) ++rules_["U20"];
  if (seen.result == -ENOBUFS) ++rules_["U21"];
  if (multishot && !selects && seen.result == -EINVAL) ++rules_["U22"];
  if (multishot && selects && progress.is(request.object, ObjectKind::datagram)) {
    bool message = request.op == Op::recvmsg_multishot;
    auto header = static_cast<int32_t>(sizeof(io_uring_recvmsg_out) + request.bytes);
    bool empty = seen.result == (message ? header : 0);
    if (empty || (message && seen.result == -EFAULT)) ++rules_["U24"];
  }
  if ((seen.flags & uapi::kCqeBufferMore) != 0) ++rules_["U30"];
  if ((request.option & MSG_WAITALL) != 0 && (request.flags & IOSQE_IO_LINK) != 0) {
    ++rules_["U33"];
  }
  if (seen.result == -ECANCELED) ++rules_["U42"];
  if (seen.result == -ECONNRESET || seen.result == -EAGAIN) ++rules_["U45"];
}

std::string Statistics::text() const {
  std::string text = std::to_string(programs_) + " programs, " + std::to_string(steps_) +
                     " steps, " + std::to_string(completions_) + " completions\n";
  for (const auto& [op, results] : results_) {
    text += "  " + op + ":";
    for (const auto& [result, count] : results) text += " " + result + " " + std::to_string(count);
    text += "\n";
  }
  text += "  rules:";  // with zeros, so that a gap is seen
  for (const char* rule : kRules) {
    auto found = rules_.find(rule);
    text +=
        std::string(" ") + rule + " " + std::to_string(found == rules_.end() ? 0 : found->second);
  }
  return text + "\n";
}

}  // namespace gatio::fakes::conformance
