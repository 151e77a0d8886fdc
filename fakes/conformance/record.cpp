#include "fakes/conformance/record.hpp"

#include <liburing.h>

#include <cstdio>
#include <cstring>

#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr const char* kMoments[] = {"submitted", "settled", "fetched"};

std::string result_text(int result) {
  if (result == kDescriptor) return "a descriptor";
  const char* error = result < 0 ? strerrorname_np(-result) : nullptr;
  return error != nullptr ? std::string("-") + error : std::to_string(result);
}

}  // namespace

std::string to_text(const Seen& seen) {
  std::string text = "#" + std::to_string(seen.id) + "=" + result_text(seen.result);
  if ((seen.flags & IORING_CQE_F_MORE) != 0) text += "|MORE";
  if ((seen.flags & IORING_CQE_F_SOCK_NONEMPTY) != 0) text += "|NONEMPTY";
  if ((seen.flags & IORING_CQE_F_NOTIF) != 0) text += "|NOTIF";
  if ((seen.flags & uapi::kCqeBufferMore) != 0) text += "|BUF_MORE";
  if ((seen.flags & IORING_CQE_F_BUFFER) != 0) {
    text += "|buffer " + std::to_string(seen.flags >> IORING_CQE_BUFFER_SHIFT);
  }
  if (seen.data != 0) {
    char hash[24];
    std::snprintf(hash, sizeof hash, " (%04x)", static_cast<unsigned>(seen.data & 0xffff));
    text += hash;
  }
  return text;
}

std::string to_text(const Look& look) {
  std::string text = kMoments[static_cast<unsigned>(look.moment)];
  if (look.ring != 0) text += "(ring " + std::to_string(look.ring) + ")";
  if (look.moment == Moment::submitted || look.returned != 0) {
    text += " " + result_text(look.returned);
  }
  if ((look.kernel_flags & IORING_SQ_TASKRUN) != 0) text += " TASKRUN";
  if ((look.kernel_flags & IORING_SQ_CQ_OVERFLOW) != 0) text += " OVERFLOW";
  const char* before = " [";
  for (const Seen& seen : look.seen) {
    text += before + to_text(seen);
    before = " ";
  }
  return look.seen.empty() ? text : text + "]";
}

std::string to_text(const Observation& observation) {
  std::string text;
  if (observation.result != 0) text = "result " + result_text(observation.result);
  for (const Look& look : observation.looks) {
    bool nothing = look.seen.empty() && look.kernel_flags == 0 && look.returned == 0;
    if (nothing && look.moment != Moment::submitted) continue;
    text += (text.empty() ? "" : "; ") + to_text(look);
  }
  return text;
}

}  // namespace gatio::fakes::conformance
