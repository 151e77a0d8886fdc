// What the connections of one port on one driver share: the buffer ring into which the kernel
// receives, the counters and the list of connections. Owned by the runtime as a Service of the
// driver (a listener, or the client side); touched by that driver only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "runtime/base/intrusive_queue.hpp"
#include "runtime/base/work.hpp"
#include "runtime/config/listener.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/driver/service.hpp"
#include "runtime/memory/resource.hpp"
#include "runtime/ring/buffer_ring.hpp"

namespace gatio {

class Connection;
class ConnectionHost;

// One received buffer, in the order of arrival. As work it travels back to its driver when it was
// let go of on another one.
struct Chunk : Work {
  ConnectionHost* host = nullptr;
  uint16_t id = 0;
  uint32_t length = 0;
  bool in_heap = false;  // moved out of the ring: its bytes follow it in memory
};

struct HostStats {
  uint64_t accepted = 0;
  uint64_t closed = 0;
  uint64_t refused = 0;          // over the limit of connections
  uint64_t accept_errors = 0;    // EMFILE and the like; the listener goes on
  uint64_t requests = 0;         // fully received and handed to a handler
  uint64_t answers = 0;          // sent whole, to the kernel
  uint64_t bad_requests = 0;     // answered with 4xx or 5xx by the server itself
  uint64_t failed_handlers = 0;  // an exception left a handler: answered with 500
  uint64_t resets = 0;           // connections that broke
  uint64_t timeouts = 0;
  uint64_t enobufs = 0;  // receives that ended because no buffer was free
  uint64_t cut_off = 0;  // connections that a deadline or a stop ended with an answer due
};

class ConnectionHost : public Service {
 public:
  ConnectionHost(Driver& driver, uint16_t buffer_group, const config::Buffers& buffers,
                 const config::Timeouts& timeouts);
  ~ConnectionHost() override;

  Result<void> prepare() override;
  void drain() override;
  [[nodiscard]] bool drained() const override { return connection_count_ == 0; }
  void stop() override;
  [[nodiscard]] bool stopped() const override { return connection_count_ == 0; }
  void close() override { buffers_.close(); }

  [[nodiscard]] Driver& driver() { return driver_; }
  [[nodiscard]] HostStats& stats() { return stats_; }
  [[nodiscard]] const config::Timeouts& timeouts() const { return timeouts_; }
  [[nodiscard]] PoolResource& memory() { return memory_; }
  // Of the ring that was really made.
  [[nodiscard]] config::Buffers buffer_shape() const { return {buffers_.count(), buffers_.size()}; }
  [[nodiscard]] unsigned connection_count() const { return connection_count_; }

  [[nodiscard]] const char* bytes_of(const Chunk& chunk) {
    if (chunk.in_heap) return reinterpret_cast<const char*>(&chunk + 1);
    return buffers_.buffer(chunk.id, chunk.length).data();
  }
  // The same bytes, in the heap instead of a buffer; the chunk itself where there is no memory.
  Chunk& moved_to_heap(Chunk& chunk);
  // How many chunks may wait on one connection before its receive pauses.
  [[nodiscard]] unsigned most_chunks() const {
    return std::clamp(buffers_.count() / kChunkShare, 1u, kMostChunks);
  }
  // How long a connection may take to send its last bytes.
  [[nodiscard]] uint64_t finish_ns() const {
    return timeouts_.idle_ms == 0 ? kFinishNs : timeouts_.idle_ms * uint64_t{1'000'000};
  }
  // Gives a chunk's buffer back; on this driver.
  void recycle(Chunk& chunk);
  // The same from any driver.
  void recycle_from_anywhere(Chunk& chunk);
  // Whether so few buffers are free that a chunk is better copied than held while a handler runs.
  [[nodiscard]] bool short_of_buffers() const {
    return buffers_.free_count() < buffers_.count() / 4;
  }

 protected:
  void adopt(Connection& connection);
  bool draining_ = false;

 private:
  friend class Connection;
  static constexpr unsigned kMostChunks = 16;
  static constexpr unsigned kChunkShare = 64;
  static constexpr uint64_t kFinishNs = 60'000'000'000;

  Chunk& chunk_received(uint16_t id, uint32_t length);
  [[nodiscard]] uint16_t buffer_group() const { return buffers_.group(); }
  // A receive ended for want of a buffer: it is armed again when one comes back.
  void wait_for_buffer(Connection& connection);
  void feed_starved();
  void forget(Connection& connection);

  Driver& driver_;
  const uint16_t group_;
  const config::Buffers buffer_shape_;
  const config::Timeouts timeouts_;
  BufferRing buffers_;
  std::vector<Chunk> chunks_;
  std::vector<Connection*> starved_;  // longest first
  struct Feeding : Work {
    ConnectionHost* host = nullptr;
    bool queued = false;
  } feeding_;
  PoolResource memory_;
  HostStats stats_;
  Connection* first_ = nullptr;
  unsigned connection_count_ = 0;
};

}  // namespace gatio
