// A whole configuration file: the machine, the TPCs with their drivers, and the listeners. Plain
// data, made at start-up by parse() or by a program, then read by any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/listener.hpp"
#include "runtime/config/mix.hpp"

namespace gatio::config {

struct TpcConfig {
  std::vector<unsigned> nodes;  // the operating system's numbers; empty: every node that has cores
  Mix drivers = {{{.node = {}, .parts = {{.cores = MixPart::kAllLeft, .kind = Kind::both}}}}};
  Place declared;
  bool operator==(const TpcConfig&) const = default;
};

struct RuntimeConfig {
  std::string topology = "this";   // or "numa:2 core:4 pu:2", or the path of an lstopo XML file
  std::string placement = "best";  // one of placement_names()
  unsigned spin_us = 0;            // how long an idle driver spins on its mailbox before it parks
  unsigned heap_mb = 1024;         // quota of each TPC's heap
  unsigned sq_entries = 1024;      // of each driver's ring
  unsigned cq_entries = 4096;
  std::vector<std::string> without;  // kernel features not to be used although they are there
  std::vector<TpcConfig> tpcs;       // empty: one `*both` TPC on every node
  std::vector<ListenerConfig> listeners;
  bool operator==(const RuntimeConfig&) const = default;
};

[[nodiscard]] const std::vector<std::string_view>& placement_names();

// All values of [runtime] that it may not have; the listeners are validate()d one by one.
[[nodiscard]] std::vector<Invalid> validate(const RuntimeConfig& config);

// `file_name` is only for errors. An error's text is one line for each thing that is wrong, the
// first one first: "file:line: key: what is wrong and what is allowed". Unknown keys are errors.
Result<RuntimeConfig> parse(std::string_view text, std::string_view file_name);
Result<RuntimeConfig> load(const std::string& path);

// TOML text, every key written out, that parse() turns into the same configuration.
[[nodiscard]] std::string print(const RuntimeConfig& config);

}  // namespace gatio::config
