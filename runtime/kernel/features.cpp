#include "runtime/kernel/features.hpp"

#include <cerrno>

namespace gatio {
namespace {

constexpr FeatureName kNames[] = {
    {"no_sqarray", &Features::no_sqarray, "6.6", true, "submission without an index array"},
    {"registered_ring_fd", &Features::registered_ring_fd, "5.18", true,
     "entering a ring without looking up its descriptor"},
    {"sync_message", &Features::sync_message, "6.13", true,
     "waking a driver from a thread that owns no ring, without an eventfd"},
    {"min_wait", &Features::min_wait, "6.12", false, "a shorter wait once something is there"},
    {"registered_wait", &Features::registered_wait, "6.13", false,
     "waiting without copying the time-out"},
    {"napi", &Features::napi, "6.9", false, "busy polling of the network device"},
    {"bundles", &Features::bundles, "6.10", false, "one receive or send over several buffers"},
    {"incremental_buffers", &Features::incremental_buffers, "6.12", false,
     "several receives into one provided buffer"},
};
static_assert(std::size(kNames) == sizeof(Features), "every feature has a name");

const FeatureName* find(std::string_view name) {
  for (const FeatureName& each : kNames) {
    if (name == each.name) return &each;
  }
  return nullptr;
}

std::string known() {
  std::string text;
  for (const FeatureName& each : kNames) text += std::string(each.name) + ", ";
  return text + "all";
}

}  // namespace

std::span<const FeatureName> feature_names() {
  return kNames;
}

Result<Features> parse_features(std::string_view list) {
  Features features;
  while (!list.empty()) {
    size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    if (name == "all") {
      for (const FeatureName& each : kNames) features.*each.member = true;
    } else if (const FeatureName* found = find(name)) {
      features.*found->member = true;
    } else {
      return fail(EINVAL, "unknown feature '" + std::string(name) + "'; known are " + known());
    }
  }
  return features;
}

std::string to_string(const Features& features) {
  std::string text;
  for (const FeatureName& each : kNames) {
    if (!(features.*each.member)) continue;
    if (!text.empty()) text += ',';
    text += each.name;
  }
  return text;
}

Features cut(Features given, const Features& without) {
  for (const FeatureName& each : kNames) {
    if (without.*each.member) given.*each.member = false;
  }
  return given;
}

}  // namespace gatio
