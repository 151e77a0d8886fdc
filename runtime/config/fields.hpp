// Every number and flag of a configuration with its key and its range, listed once: parse,
// validate, print and the port plan's canonical form all walk these lists, so that none of them can
// forget a key. Pure.
#pragma once

#include "runtime/config/limits.hpp"
#include "runtime/config/listener.hpp"
#include "runtime/config/runtime_config.hpp"

namespace gatio::config {

// visit(key, member, range) for each number but the port; `Listener` may be const.
template <typename Listener, typename Visit>
void each_number(Listener& listener, Visit&& visit) requires requires {
  listener.backlog;
}
{
  visit("backlog", listener.backlog, kBacklog);
  visit("buffers.count", listener.buffers.count, kBufferCount);
  visit("buffers.size", listener.buffers.size, kBufferSize);
  visit("limits.connections", listener.limits.connections, kConnections);
  visit("limits.header_bytes", listener.limits.header_bytes, kHeaderBytes);
  visit("limits.body_bytes", listener.limits.body_bytes, kBodyBytes);
  visit("timeouts.header_ms", listener.timeouts.header_ms, kTimeoutMs);
  visit("timeouts.idle_ms", listener.timeouts.idle_ms, kTimeoutMs);
  visit("timeouts.drain_ms", listener.timeouts.drain_ms, kTimeoutMs);
  visit("receive_buffer", listener.receive_buffer, kSocketBuffer);
  visit("send_buffer", listener.send_buffer, kSocketBuffer);
}

// visit(key, member) for each flag.
template <typename Listener, typename Visit>
void each_flag(Listener& listener, Visit&& visit) {
  visit("dedicated", listener.dedicated);
  visit("no_delay", listener.no_delay);
  visit("v6only", listener.v6only);
}

// visit(key, member, range) for each number of [runtime].
template <typename Runtime, typename Visit>
void each_number(Runtime& runtime, Visit&& visit) requires requires {
  runtime.spin_us;
}
{
  visit("spin_us", runtime.spin_us, kSpinUs);
  visit("heap_mb", runtime.heap_mb, kHeapMb);
  visit("sq_entries", runtime.sq_entries, kSqEntries);
  visit("cq_entries", runtime.cq_entries, kCqEntries);
}

// A number outside its range, as a sentence's end: "70000 is out of range, 1 to 65535 is allowed".
[[nodiscard]] inline std::string out_of_range(const std::string& value, Range range) {
  return value + " is out of range, " + std::to_string(range.low) + " to " +
         std::to_string(range.high) + " is allowed";
}

}  // namespace gatio::config
