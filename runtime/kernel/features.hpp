// The optional features of io_uring that Gatio uses or reports, by name: what a kernel gives, and
// what a user switched off with `--without`. A plain value: any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace gatio {

struct Features {
  bool no_sqarray = false;
  bool registered_ring_fd = false;
  bool sync_message = false;
  bool min_wait = false;
  bool registered_wait = false;
  bool napi = false;
  bool bundles = false;
  bool incremental_buffers = false;

  friend bool operator==(const Features&, const Features&) = default;
};

struct FeatureName {
  const char* name;  // as in `--without`
  bool Features::*member;
  const char* since;  // the Linux version that brought it
  bool used;          // false: it is looked for and reported, and the runtime does not use it
  const char* purpose;
};

// Every feature, in the order in which they are listed.
std::span<const FeatureName> feature_names();

// "all", or names separated by commas; "" is none. The error names what is unknown and lists what
// is known.
Result<Features> parse_features(std::string_view list);

// The names of those that are set, separated by commas; the inverse of parse_features.
std::string to_string(const Features& features);

// Those of `given` that are not in `without`.
Features cut(Features given, const Features& without);

}  // namespace gatio
