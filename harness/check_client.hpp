// A small HTTP client that compares every reply with what the scenario expects. It is a pass of its
// own, because comparing costs a load generator a third of its rate. Pipelined on several
// connections, so that many requests take little time; parsed by llhttp. One thread: the caller's.
#pragma once

#include <cstdint>
#include <string>

#include "harness/interrupt.hpp"
#include "harness/scenario.hpp"
#include "runtime/base/result.hpp"

namespace gatio::harness {

struct CheckPlan {
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  std::string path = "/";
  unsigned connections = 8;
  unsigned pipeline = 16;      // requests at once on a connection
  uint64_t requests = 20'000;  // one wrong reply in 1000 stays unseen with a probability of 2e-9
  int silence_ms =
      5'000;        // without any byte for so long, the server is taken to have stopped answering
  int most_ms = 0;  // stop asking after so long; 0: when all requests are answered
  Expectation expect;
};

struct CheckReport {
  uint64_t replies = 0;
  uint64_t wrong = 0;
  uint64_t bytes = 0;       // of all replies, heads included
  std::string first_wrong;  // one sentence on the first wrong reply; empty when there was none
  bool interrupted = false;
  bool cut_short = false;  // by most_ms

  [[nodiscard]] double bytes_per_reply() const {
    return replies == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(replies);
  }
};

// Wrong replies, broken connections and silence are findings in the report. An error means that no
// connection could be made at all.
Result<CheckReport> check_replies(const CheckPlan& plan, const Interrupt& interrupt);

}  // namespace gatio::harness
