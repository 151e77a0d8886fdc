// What a run did, as a hash and, when asked for, as a list: SQEs, CQEs, enters, hand-overs, virtual
// time. Normalised, so that it does not depend on addresses, and free of all that a compiler may
// change, such as allocations: the same choices give the same hash from every build. Owned by the
// World; the simulation's one thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gatio::fakes {

enum class Happening : uint8_t {
  submitted,  // ring, request number, opcode, descriptor
  completed,  // ring, request number, result, flags
  entered,    // ring, to_submit, min_complete, result
  switched,   // thread
  faulted,    // what, errno
  noted,      // a remark of the harness
};

struct TraceEntry {
  Happening what = Happening::noted;
  uint16_t thread = 0;
  uint64_t time_ns = 0;
  int64_t a = 0, b = 0, c = 0, d = 0;
};

class Trace {
 public:
  void add(const TraceEntry& entry) {
    // The words are multiplied side by side and only their sum goes through the hash, which each
    // entry waits for.
    uint64_t sum = (static_cast<uint64_t>(entry.what) << 16 | entry.thread) * 0x9e37'79b9'7f4a'7c15;
    sum += entry.time_ns * 0xbf58'476d'1ce4'e5b9;
    sum += static_cast<uint64_t>(entry.a) * 0x94d0'49bb'1331'11eb;
    sum += static_cast<uint64_t>(entry.b) * 0xd6e8'feb8'6659'fd93;
    sum += static_cast<uint64_t>(entry.c) * 0xa076'1d64'78bd'642f;
    sum += static_cast<uint64_t>(entry.d) * 0xe703'7ed1'a0b4'28db;
    hash_ = (hash_ ^ sum) * 0x9e37'79b9'7f4a'7c15;
    hash_ ^= hash_ >> 29;
    ++count_;
    if (keeps_) entries_.push_back(entry);
  }
  // For people only: kept where the trace is, and no part of its hash.
  void remark(const TraceEntry& entry) {
    if (keeps_) entries_.push_back(entry);
  }
  void keep(bool on) { keeps_ = on; }
  [[nodiscard]] bool keeps() const { return keeps_; }
  [[nodiscard]] uint64_t hash() const { return hash_; }
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] const std::vector<TraceEntry>& entries() const { return entries_; }

 private:
  uint64_t hash_ = 0x6761'7469'6f00'0001;
  uint64_t count_ = 0;
  bool keeps_ = false;
  std::vector<TraceEntry> entries_;
};

}  // namespace gatio::fakes
