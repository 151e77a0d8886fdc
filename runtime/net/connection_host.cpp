#include "runtime/net/connection_host.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "runtime/net/connection.hpp"

namespace gatio {

ConnectionHost::ConnectionHost(Driver& driver, uint16_t buffer_group,
                               const config::Buffers& buffers, const config::Timeouts& timeouts)
    : driver_(driver), group_(buffer_group), buffer_shape_(buffers), timeouts_(timeouts) {
  feeding_.host = this;
  feeding_.run = [](Work* work) {
    auto* feeding = static_cast<Feeding*>(work);
    feeding->queued = false;
    feeding->host->feed_starved();
  };
}

ConnectionHost::~ConnectionHost() {
  GATIO_ASSERT(first_ == nullptr);
}

Result<void> ConnectionHost::prepare() {
  if (buffers_.is_open()) return {};
  chunks_ = std::vector<Chunk>(buffer_shape_.count);
  for (size_t id = 0; id < chunks_.size(); ++id) {
    chunks_[id].host = this;
    chunks_[id].id = static_cast<uint16_t>(id);
  }
  return buffers_.open(driver_.ring(), group_, buffer_shape_.count, buffer_shape_.size,
                       driver_.options().node);
}

void ConnectionHost::drain() {
  draining_ = true;
  for (Connection* connection = first_; connection != nullptr;
       connection = connection->next_connection) {
    connection->drain();
  }
}

void ConnectionHost::stop() {
  draining_ = true;
  for (Connection* connection = first_; connection != nullptr;
       connection = connection->next_connection) {
    connection->abort();
  }
}

void ConnectionHost::adopt(Connection& connection) {
  connection.next_connection = first_;
  if (first_ != nullptr) first_->previous = &connection;
  first_ = &connection;
  ++connection_count_;
}

void ConnectionHost::forget(Connection& connection) {
  if (connection.previous != nullptr) {
    connection.previous->next_connection = connection.next_connection;
  } else {
    first_ = connection.next_connection;
  }
  if (connection.next_connection != nullptr)
    connection.next_connection->previous = connection.previous;
  std::erase(starved_, &connection);
  --connection_count_;
  ++stats_.closed;
}

Chunk& ConnectionHost::chunk_received(uint16_t id, uint32_t length) {
  Chunk& chunk = chunks_[id];
  chunk.length = length;
  (void)buffers_.buffer(id, length);  // Taken from the free ones.
  return chunk;
}

void ConnectionHost::recycle(Chunk& chunk) {
  if (chunk.in_heap) {
    chunk.~Chunk();
    Pool::free(&chunk);
    return;
  }
  buffers_.recycle(chunk.id);
  if (starved_.empty() || feeding_.queued) [[likely]]
    return;
  feeding_.queued = true;
  driver_.post_to_self(feeding_);
}

// Arms as many of those who wait as there are free buffers, once a turn: what they take is known by
// the next one. A connection may have nothing to receive and take none; then there are some left
// for those behind it.
void ConnectionHost::feed_starved() {
  size_t count = std::min<size_t>(starved_.size(), buffers_.free_count());
  for (size_t i = 0; i < count; ++i) {
    starved_[i]->rearm_ = true;
    starved_[i]->schedule();
  }
  starved_.erase(starved_.begin(), starved_.begin() + static_cast<ptrdiff_t>(count));
  if (starved_.empty() || buffers_.free_count() == 0 || feeding_.queued) return;
  feeding_.queued = true;
  driver_.post_to_self(feeding_);
}

Chunk& ConnectionHost::moved_to_heap(Chunk& chunk) {
  if (chunk.in_heap) return chunk;
  void* memory = driver_.pool().allocate(sizeof(Chunk) + chunk.length);
  if (memory == nullptr) return chunk;
  auto* copy = new (memory) Chunk;
  copy->host = this;
  copy->length = chunk.length;
  copy->in_heap = true;
  std::memcpy(reinterpret_cast<char*>(copy + 1), bytes_of(chunk), chunk.length);
  recycle(chunk);
  return *copy;
}

void ConnectionHost::recycle_from_anywhere(Chunk& chunk) {
  if (Driver::current() == &driver_) {
    recycle(chunk);
    return;
  }
  chunk.run = [](Work* work) {
    auto* returned = static_cast<Chunk*>(work);
    returned->host->recycle(*returned);
  };
  driver_.post(chunk);
}

void ConnectionHost::wait_for_buffer(Connection& connection) {
  ++stats_.enobufs;
  // Buffers may have come back since the kernel looked; otherwise the next one that does re-arms.
  if (buffers_.free_count() > 0) {
    connection.rearm_ = true;
    connection.schedule();
  } else {
    starved_.push_back(&connection);
  }
}

}  // namespace gatio
