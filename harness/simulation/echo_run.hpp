// One run of an echo server: clients outside and tasks inside that send streams and compare what
// comes back, to the byte. Both the cases of `gatio explore` and the properties make the load. One
// simulation at a time in a process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/simulation/cases.hpp"
#include "harness/simulation/echo_client.hpp"
#include "harness/simulation/shape.hpp"

namespace gatio::harness {

struct EchoLoad {
  std::vector<EchoClientOptions> clients;     // their ports are filled in
  std::vector<std::vector<uint32_t>> tasks;   // each connects and sends pieces of these lengths
  unsigned buffers = 16;                      // of each driver
  bool cancels = false;                       // the server's receives, again and again
  bool may_lose = false;                      // faults may end a connection
  bool may_fail = false;                      // faults may also end the start
  std::optional<uint64_t> shutdown_after_ns;  // once all serve; else when all is done
};

// What 0 gives for each choice is the smallest.
EchoLoad choose_load(fakes::Choices& choices);
std::string print(const EchoLoad& load);

// Findings S8 where bytes are wrong, lost or late for ever; S1 and S12 as in any run.
CaseResult run_streams(fakes::Choices& choices, const CaseOptions& options, Shape shape,
                       const EchoLoad& load);

}  // namespace gatio::harness
