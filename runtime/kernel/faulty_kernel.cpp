#include "runtime/kernel/faulty_kernel.hpp"

#include <utility>

namespace gatio {
namespace {

constexpr const char* kDoorNames[] = {
    "ring_setup",   "ring_enter",  "ring_register", "ring_message", "socket",   "bind",
    "listen",       "getsockname", "setsockopt",    "getsockopt",   "close",    "event_fd",
    "event_signal", "signal_fd",   "map",           "pin",          "topology", "start_helper"};
static_assert(std::size(kDoorNames) == static_cast<size_t>(Door::count_of_doors));

}  // namespace

const char* name_of(Door door) {
  return kDoorNames[static_cast<size_t>(door)];
}

void FaultyKernel::fail(Door door, uint64_t nth, int error) {
  std::lock_guard lock(mutex_);
  plan_.push_back({.any = false, .door = door, .nth = nth, .error = error});
}

void FaultyKernel::fail_any(uint64_t nth, int error) {
  std::lock_guard lock(mutex_);
  plan_.push_back({.any = true, .door = Door::count_of_doors, .nth = nth, .error = error});
}

void FaultyKernel::reset() {
  std::lock_guard lock(mutex_);
  plan_.clear();
  calls_.fill(0);
  all_calls_ = faults_ = 0;
}

uint64_t FaultyKernel::calls() const {
  std::lock_guard lock(mutex_);
  return all_calls_;
}

uint64_t FaultyKernel::calls(Door door) const {
  std::lock_guard lock(mutex_);
  return calls_[static_cast<size_t>(door)];
}

uint64_t FaultyKernel::faults() const {
  std::lock_guard lock(mutex_);
  return faults_;
}

size_t FaultyKernel::open_descriptors() const {
  std::lock_guard lock(mutex_);
  return descriptors_.size();
}

size_t FaultyKernel::open_rings() const {
  std::lock_guard lock(mutex_);
  return rings_.size();
}

size_t FaultyKernel::mapped_bytes() const {
  std::lock_guard lock(mutex_);
  size_t sum = 0;
  for (const auto& [address, bytes] : mappings_) sum += bytes;
  return sum;
}

int FaultyKernel::count(Door door) {
  std::lock_guard lock(mutex_);
  uint64_t nth_of_door = ++calls_[static_cast<size_t>(door)];
  ++all_calls_;
  for (const Fault& each : plan_) {
    if (each.any ? each.nth == all_calls_ : each.door == door && each.nth == nth_of_door) {
      ++faults_;
      return each.error;
    }
  }
  return 0;
}

int FaultyKernel::opened(int fd) {
  std::lock_guard lock(mutex_);
  if (fd >= 0) descriptors_.insert(fd);
  return fd;
}

int FaultyKernel::ring_setup(unsigned entries, io_uring_params& params, io_uring& ring) {
  if (int error = count(Door::ring_setup)) return -error;
  int result = inner_.ring_setup(entries, params, ring);
  std::lock_guard lock(mutex_);
  if (result >= 0) rings_.insert(&ring);
  return result;
}

int FaultyKernel::ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags,
                             const void* arg, size_t arg_size) {
  if (int error = count(Door::ring_enter)) return -error;
  return inner_.ring_enter(ring, submit, wait, flags, arg, arg_size);
}

int FaultyKernel::ring_register(io_uring& ring, unsigned opcode, const void* arg, unsigned nr) {
  if (int error = count(Door::ring_register)) return -error;
  return inner_.ring_register(ring, opcode, arg, nr);
}

void FaultyKernel::ring_close(io_uring& ring) {
  inner_.ring_close(ring);
  std::lock_guard lock(mutex_);
  rings_.erase(&ring);
}

int FaultyKernel::ring_message(int target_ring_fd, uint64_t user_data) {
  if (int error = count(Door::ring_message)) return -error;
  return inner_.ring_message(target_ring_fd, user_data);
}

int FaultyKernel::socket(int domain, int type, int protocol) {
  if (int error = count(Door::socket)) return -error;
  return opened(inner_.socket(domain, type, protocol));
}

int FaultyKernel::bind(int fd, const sockaddr* address, socklen_t size) {
  if (int error = count(Door::bind)) return -error;
  return inner_.bind(fd, address, size);
}

int FaultyKernel::listen(int fd, int backlog) {
  if (int error = count(Door::listen)) return -error;
  return inner_.listen(fd, backlog);
}

int FaultyKernel::getsockname(int fd, sockaddr* address, socklen_t* size) {
  if (int error = count(Door::getsockname)) return -error;
  return inner_.getsockname(fd, address, size);
}

int FaultyKernel::setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  if (int error = count(Door::setsockopt)) return -error;
  return inner_.setsockopt(fd, level, name, value, size);
}

int FaultyKernel::getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  if (int error = count(Door::getsockopt)) return -error;
  return inner_.getsockopt(fd, level, name, value, size);
}

int FaultyKernel::close(int fd) {
  int error = count(Door::close);
  {
    // Forgotten before it is closed: afterwards another thread may get the same number.
    std::lock_guard lock(mutex_);
    descriptors_.erase(fd);
  }
  int result = inner_.close(fd);
  return error != 0 ? -error : result;
}

int FaultyKernel::event_fd() {
  if (int error = count(Door::event_fd)) return -error;
  return opened(inner_.event_fd());
}

int FaultyKernel::event_signal(int event_fd) {
  if (int error = count(Door::event_signal)) return -error;
  return inner_.event_signal(event_fd);
}

int FaultyKernel::signal_fd(const sigset_t& set) {
  if (int error = count(Door::signal_fd)) return -error;
  return opened(inner_.signal_fd(set));
}

void* FaultyKernel::map(size_t bytes, size_t alignment, int node) {
  if (count(Door::map) != 0) return nullptr;
  void* address = inner_.map(bytes, alignment, node);
  std::lock_guard lock(mutex_);
  if (address != nullptr) mappings_[address] = bytes;
  return address;
}

void FaultyKernel::unmap(void* address, size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    mappings_.erase(address);
  }
  inner_.unmap(address, bytes);
}

int FaultyKernel::pin(unsigned cpu) {
  if (int error = count(Door::pin)) return -error;
  return inner_.pin(cpu);
}

Result<Topology> FaultyKernel::topology() {
  if (int error = count(Door::topology)) return gatio::fail(error);
  return inner_.topology();
}

int FaultyKernel::start_helper(std::function<void()> body) {
  if (int error = count(Door::start_helper)) return -error;
  return inner_.start_helper(std::move(body));
}

}  // namespace gatio
