#include "fakes/fake_kernel.hpp"

#include <algorithm>
#include <typeinfo>
#include <utility>

#include "fakes/alone.hpp"
#include "fakes/event_file.hpp"
#include "fakes/machine.hpp"
#include "fakes/ring/fake_ring.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

constexpr int64_t kEpochSeconds = 1'700'000'000;  // where the wall clock begins
constexpr int kSocketErrors[] = {ENOBUFS, ENOMEM, EACCES};
constexpr int kDescriptorErrors[] = {EMFILE, ENFILE, ENOMEM};

}  // namespace

// Each enter comes here, and a dynamic_cast would cost as much as the rest of a short one.
RingPtr Machine::ring(int fd) const {
  const FilePtr& file = descriptors.get(fd);
  const File* plain = file.get();
  if (plain == nullptr || typeid(*plain) != typeid(FakeRing)) return nullptr;
  return std::static_pointer_cast<FakeRing>(file);
}

bool Machine::has_ring(unsigned thread) const {
  return std::ranges::any_of(
      rings, [thread](const RingPtr& each) { return !each->dying() && each->issuer() == thread; });
}

FakeKernel::FakeKernel(Choices& choices, const FakeKernelOptions& options)
    : machine_(std::make_unique<Machine>(choices, options)),
      alone_(std::make_unique<Alone>(machine_->world)) {
  machine_->world.execution = alone_.get();
}

// Requests hold files, files may be rings: they are taken apart while all still exist. Nobody's
// thread runs any more.
FakeKernel::~FakeKernel() {
  machine_->world.execution = alone_.get();
  for (const RingPtr& ring : machine_->rings) ring->end_all();
  machine_->registered_rings.clear();
  machine_->rings.clear();
  machine_.reset();
}

int FakeKernel::ring_setup(unsigned entries, io_uring_params& params, io_uring& ring) {
  int error = FakeRing::check(entries, params, machine_->options);
  if (error < 0) return error;
  if (machine_->strikes(machine_->world.faults.setup_no_memory)) return -ENOMEM;
  if (machine_->descriptors.full()) return -EMFILE;
  auto made = std::make_shared<FakeRing>(*machine_, params, machine_->rings_made++);
  made->memory().describe(ring);
  ring.flags = params.flags;
  ring.features = params.features;
  ring.ring_fd = ring.enter_ring_fd = machine_->descriptors.add(made);
  ring.int_flags = 0;
  machine_->rings.push_back(std::move(made));
  return 0;
}

int FakeKernel::ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags,
                           const void* arg, size_t arg_size) {
  // Held, as Linux holds the file: another thread may close it meanwhile.
  RingPtr entered = machine_->ring(ring.ring_fd);
  if ((ring.int_flags & uapi::kRingFdRegistered) != 0) {
    auto place = static_cast<size_t>(ring.enter_ring_fd);
    unsigned thread = machine_->world.execution->thread();
    if (place >= std::tuple_size_v<Machine::RegisteredRings>) return -EINVAL;
    entered = thread < machine_->registered_rings.size() ? machine_->registered_rings[thread][place]
                                                         : nullptr;
    if (entered == nullptr) return machine_->has_ring(thread) ? -EBADF : -EINVAL;
  }
  if (entered == nullptr) return machine_->descriptors.get(ring.ring_fd) ? -EOPNOTSUPP : -EBADF;
  int result = entered->enter(submit, wait, flags, arg, arg_size);
  machine_->world.note(Happening::entered, entered->number(), submit, wait, result);
  return result;
}

int FakeKernel::ring_register(io_uring& ring, unsigned opcode, const void* arg, unsigned count) {
  RingPtr target = machine_->ring(ring.ring_fd);
  return target == nullptr ? -EBADF : target->register_with(opcode, arg, count);
}

void FakeKernel::ring_close(io_uring& ring) {
  unsigned thread = machine_->world.execution->thread();
  if ((ring.int_flags & uapi::kRingFdRegistered) != 0 &&
      thread < machine_->registered_rings.size()) {
    machine_->registered_rings[thread].at(static_cast<size_t>(ring.enter_ring_fd)) = nullptr;
  }
  machine_->descriptors.close(ring.ring_fd);
}

int FakeKernel::ring_message(int target_ring_fd, uint64_t user_data) {
  if (!machine_->options.sync_message) return -EINVAL;
  RingPtr target = machine_->ring(target_ring_fd);
  if (target == nullptr) {
    return machine_->descriptors.get(target_ring_fd) == nullptr ? -EBADF : -EBADFD;
  }
  if (target->disabled()) return -EBADFD;
  machine_->charge(machine_->costs.message_ns);
  target->receive_message(user_data, 0, 0);
  return 0;
}

uint64_t FakeKernel::now_ns() {
  return machine_->world.clock_ns();
}

int64_t FakeKernel::wall_seconds() {
  return kEpochSeconds + static_cast<int64_t>(now_ns() / 1'000'000'000);
}

uint64_t FakeKernel::cpu_ns() {
  return machine_->world.execution->spent_ns();
}

void FakeKernel::spend(uint64_t ns) {
  machine_->world.execution->spend(ns);
}

void FakeKernel::relax() {
  machine_->world.execution->relax();
}

// 0, or the errno of a fault that strikes now.
int FakeKernel::planned_fault(std::span<const int> errors) {
  World& world = machine_->world;
  if (!machine_->strikes(world.faults.socket_call)) return 0;
  int error = errors[world.choices.choose(ChoiceKind::fault, static_cast<uint32_t>(errors.size()))];
  world.note(Happening::faulted, 0, -error);
  return -error;
}

int FakeKernel::socket(int domain, int type, int protocol) {
  if (int error = planned_fault(kDescriptorErrors); error < 0) return error;
  if (machine_->descriptors.full()) return -EMFILE;
  int error = 0;
  std::shared_ptr<Socket> made =
      machine_->network.socket(domain, type, protocol, Side::inside, error);
  if (made == nullptr) return error;
  return machine_->descriptors.add(std::move(made));
}

Socket* FakeKernel::find_socket(int fd, int& error) const {
  const FilePtr& file = machine_->descriptors.get(fd);
  if (file != nullptr && file->is_socket()) return static_cast<Socket*>(file.get());
  error = file == nullptr ? -EBADF : -ENOTSOCK;
  return nullptr;
}

int FakeKernel::bind(int fd, const sockaddr* address, socklen_t size) {
  if (int fault = planned_fault(kSocketErrors); fault < 0) return fault;
  int error = 0;
  Socket* found = find_socket(fd, error);
  return found == nullptr ? error : found->bind(address, size);
}

int FakeKernel::listen(int fd, int backlog) {
  if (int fault = planned_fault(kSocketErrors); fault < 0) return fault;
  int error = 0;
  Socket* found = find_socket(fd, error);
  return found == nullptr ? error : found->listen(backlog);
}

int FakeKernel::getsockname(int fd, sockaddr* address, socklen_t* size) {
  if (int fault = planned_fault(kSocketErrors); fault < 0) return fault;
  int error = 0;
  Socket* found = find_socket(fd, error);
  return found == nullptr ? error : found->getsockname(address, size);
}

int FakeKernel::setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  if (int fault = planned_fault(kSocketErrors); fault < 0) return fault;
  int error = 0;
  Socket* found = find_socket(fd, error);
  return found == nullptr ? error : found->setsockopt(level, name, value, size);
}

int FakeKernel::getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  if (int fault = planned_fault(kSocketErrors); fault < 0) return fault;
  int error = 0;
  Socket* found = find_socket(fd, error);
  return found == nullptr ? error : found->getsockopt(level, name, value, size);
}

int FakeKernel::close(int fd) {
  return machine_->descriptors.close(fd);
}

int FakeKernel::event_fd() {
  if (int fault = planned_fault(kDescriptorErrors); fault < 0) return fault;
  return machine_->descriptors.add(std::make_shared<EventFile>());
}

int FakeKernel::event_signal(int event_fd) {
  const FilePtr& file = machine_->descriptors.get(event_fd);
  auto* event = dynamic_cast<EventFile*>(file.get());
  if (event == nullptr) return file == nullptr ? -EBADF : -EINVAL;
  return event->add_to_counter(1);
}

int FakeKernel::signal_fd(const sigset_t& set) {
  if (int fault = planned_fault(kDescriptorErrors); fault < 0) return fault;
  return machine_->descriptors.add(std::make_shared<SignalFile>(machine_->signals, set));
}

void* FakeKernel::map(size_t bytes, size_t alignment, int node) {
  if (machine_->strikes(machine_->world.faults.map_no_memory)) return nullptr;
  return machine_->mappings.map(bytes, alignment, node);
}

void FakeKernel::unmap(void* address, size_t bytes) {
  machine_->mappings.unmap(address, bytes);
}

namespace {

// To load a description takes longer than a whole simulated run, and a campaign uses few.
const Result<Topology>& topology_of(const std::string& description) {
  static std::map<std::string, Result<Topology>> loaded;
  auto found = loaded.find(description);
  if (found == loaded.end()) {
    found = loaded.emplace(description, load_topology(description)).first;
  }
  return found->second;
}

}  // namespace

int FakeKernel::pin(unsigned cpu) {
  const Result<Topology>& machine = topology_of(machine_->options.topology);
  if (!machine) return -EINVAL;
  for (const Node& node : machine->nodes) {
    for (const Core& core : node.cores) {
      if (std::find(core.pus.begin(), core.pus.end(), cpu) == core.pus.end()) continue;
      unsigned thread = machine_->world.execution->thread();
      if (machine_->pinned_nodes.size() <= thread) machine_->pinned_nodes.resize(thread + 1, -1);
      machine_->pinned_nodes[thread] = static_cast<int>(node.os_index);
      return 0;
    }
  }
  return -EINVAL;
}

Result<Topology> FakeKernel::topology() {
  return topology_of(machine_->options.topology);
}

int FakeKernel::start_helper(std::function<void()> body) {
  return machine_->world.execution->start_thread(std::move(body));
}

World& FakeKernel::world() {
  return machine_->world;
}

Network& FakeKernel::network() {
  return machine_->network;
}

Files& FakeKernel::files() {
  return machine_->files;
}

void FakeKernel::set_execution(Execution& execution) {
  machine_->world.execution = &execution;
}

void FakeKernel::raise_signal(int signal) {
  machine_->signals.raise(signal);
}

void FakeKernel::set_deadlock(std::function<void(const std::string&)> deadlock) {
  machine_->deadlock = std::move(deadlock);
}

int FakeKernel::node_of(const void* address) const {
  for (const RingPtr& ring : machine_->rings) {
    if (ring->memory().contains(address)) return ring->node();
  }
  return machine_->mappings.node_of(address, -1);
}

std::optional<unsigned> FakeKernel::stalled_thread() const {
  if (machine_->stalled_ring == nullptr) return std::nullopt;
  return machine_->stalled_ring->issuer();
}

bool FakeKernel::stalled_ring_holds_something() const {
  return machine_->stalled_ring != nullptr && machine_->stalled_ring->holds_something();
}

void FakeKernel::heal_ring() {
  if (machine_->stalled_ring != nullptr) machine_->stalled_ring->heal();
}

FakeKernel::Leftovers FakeKernel::leftovers() const {
  Leftovers left;
  left.descriptors = machine_->descriptors.open_count();
  left.mapped_bytes = machine_->mappings.bytes();
  for (const RingPtr& ring : machine_->rings) {
    if (ring->dying()) continue;
    ++left.rings;
    left.requests += ring->live_count();
  }
  return left;
}

bool FakeKernel::Leftovers::none() const {
  return descriptors == 0 && rings == 0 && requests == 0 && mapped_bytes == 0;
}

std::string FakeKernel::Leftovers::text() const {
  return std::to_string(descriptors) + " descriptors, " + std::to_string(rings) + " rings, " +
         std::to_string(requests) + " requests, " + std::to_string(mapped_bytes) + " mapped bytes";
}

}  // namespace gatio::fakes
