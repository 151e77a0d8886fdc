// io_uring_register(2) of a fake ring: ring descriptors, provided buffers, direct descriptors.
#include <bit>
#include <cstdint>

#include "fakes/ring/fake_ring.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

constexpr unsigned kMostBuffers = 32768;
constexpr unsigned kMostFixedFiles = 1 << 20;
constexpr uint64_t kPage = 4096;

// What the fault plan may make of a registration.
constexpr int kErrors[] = {-ENOMEM, -EBUSY};

}  // namespace

int FakeRing::register_with(unsigned opcode, const void* arg, unsigned count) {
  if (!disabled_ && foreign()) return -EEXIST;
  if (machine_.strikes(machine_.world.faults.register_error)) {
    return kErrors[machine_.world.choices.choose(ChoiceKind::fault, std::size(kErrors))];
  }
  const auto* files = static_cast<const int*>(arg);
  switch (opcode) {
    case IORING_REGISTER_ENABLE_RINGS:
      if (!disabled_) return -EBADFD;
      disabled_ = false;
      issuer_ = machine_.world.execution->thread();  // Rule U3.
      return 0;
    case IORING_REGISTER_RING_FDS:
      // Linux writes the place back.
      return register_ring_fds(static_cast<io_uring_rsrc_update*>(const_cast<void*>(arg)), count);
    case IORING_UNREGISTER_RING_FDS:
      return unregister_ring_fds(static_cast<const io_uring_rsrc_update*>(arg), count);
    case IORING_REGISTER_PBUF_RING:
      return count == 1 ? register_buffers(arg) : -EINVAL;
    case IORING_UNREGISTER_PBUF_RING:
      return count == 1 ? unregister_buffers(arg) : -EINVAL;
    case IORING_REGISTER_FILES:
      return register_files(files, count, false);
    case IORING_REGISTER_FILES2: {
      const auto& all = *static_cast<const io_uring_rsrc_register*>(arg);
      if (count != sizeof all || (all.flags & ~IORING_RSRC_REGISTER_SPARSE) != 0) return -EINVAL;
      bool sparse = (all.flags & IORING_RSRC_REGISTER_SPARSE) != 0;
      return register_files(reinterpret_cast<const int*>(all.data), all.nr, sparse);
    }
    case IORING_REGISTER_FILES_UPDATE: {
      const auto& update = *static_cast<const io_uring_rsrc_update*>(arg);
      return update_files(update.offset, reinterpret_cast<const int*>(update.data), count);
    }
    case IORING_UNREGISTER_FILES:
      if (!has_fixed_files_) return -ENXIO;
      has_fixed_files_ = false;
      std::vector<FilePtr>().swap(fixed_files_);
      return 0;
    case IORING_REGISTER_SYNC_CANCEL:
      abort_unmodelled("IORING_REGISTER_SYNC_CANCEL");
    default:
      return -EINVAL;
  }
}

int FakeRing::register_ring_fds(io_uring_rsrc_update* updates, unsigned count) {
  unsigned thread = machine_.world.execution->thread();
  if (machine_.registered_rings.size() <= thread) machine_.registered_rings.resize(thread + 1);
  Machine::RegisteredRings& places = machine_.registered_rings[thread];
  if (count == 0 || count > places.size()) return -EINVAL;
  for (unsigned i = 0; i < count; ++i) {
    io_uring_rsrc_update& update = updates[i];
    int error = 0;
    size_t place = update.offset;
    if (update.offset == ~0U) {
      place = 0;
      while (place < places.size() && places[place] != nullptr) ++place;
      if (place == places.size()) error = -EBUSY;
    } else if (place >= places.size()) {
      error = -EINVAL;
    } else if (places[place] != nullptr) {
      error = -EBUSY;
    }
    auto ring = std::dynamic_pointer_cast<FakeRing>(
        machine_.descriptors.get(static_cast<int>(update.data)));
    if (error == 0 && update.resv != 0) error = -EINVAL;
    if (error == 0 && ring == nullptr) error = -EBADF;
    if (error != 0) return i > 0 ? static_cast<int>(i) : error;
    places[place] = std::move(ring);
    update.offset = static_cast<uint32_t>(place);
  }
  return static_cast<int>(count);
}

int FakeRing::unregister_ring_fds(const io_uring_rsrc_update* updates, unsigned count) {
  unsigned thread = machine_.world.execution->thread();
  if (count == 0 || count > std::tuple_size_v<Machine::RegisteredRings>) return -EINVAL;
  if (machine_.registered_rings.size() <= thread) return 0;
  for (unsigned i = 0; i < count; ++i) {
    const io_uring_rsrc_update& update = updates[i];
    bool valid = update.resv == 0 && update.data == 0 &&
                 update.offset < std::tuple_size_v<Machine::RegisteredRings>;
    if (!valid) return i > 0 ? static_cast<int>(i) : -EINVAL;
    machine_.registered_rings[thread][update.offset] = nullptr;
  }
  return static_cast<int>(count);
}

// Rule U31.
int FakeRing::register_buffers(const void* arg) {
  const auto& buffers = *static_cast<const uapi::BufferRingRegistration*>(arg);
  uint16_t known =
      machine_.options.incremental_buffers ? uapi::kBufferRingIncremental : uint16_t{0};
  for (uint64_t reserved : buffers.resv) {
    if (reserved != 0) return -EINVAL;
  }
  if ((buffers.flags & ~known) != 0) return -EINVAL;
  if (buffers.ring_addr == 0) return -EFAULT;
  if (buffers.ring_addr % kPage != 0) return -EINVAL;
  if (!std::has_single_bit(buffers.ring_entries) || buffers.ring_entries > kMostBuffers) {
    return -EINVAL;
  }
  bool incremental = (buffers.flags & uapi::kBufferRingIncremental) != 0;
  auto* ring = reinterpret_cast<io_uring_buf_ring*>(buffers.ring_addr);
  bool added =
      buffer_groups_.try_emplace(buffers.bgid, BufferGroup(ring, buffers.ring_entries, incremental))
          .second;
  return added ? 0 : -EEXIST;
}

int FakeRing::unregister_buffers(const void* arg) {
  const auto& buffers = *static_cast<const uapi::BufferRingRegistration*>(arg);
  return buffer_groups_.erase(buffers.bgid) == 1 ? 0 : -ENOENT;
}

BufferGroup* FakeRing::buffers(uint16_t group) {
  auto found = buffer_groups_.find(group);
  return found == buffer_groups_.end() ? nullptr : &found->second;
}

int FakeRing::register_files(const int* fds, unsigned count, bool sparse) {
  if (has_fixed_files_) return -EBUSY;
  if (count == 0) return -EINVAL;
  if (count > kMostFixedFiles) return -EMFILE;
  std::vector<FilePtr> files(count);
  for (unsigned i = 0; i < count && !sparse; ++i) {
    if (fds[i] == -1) continue;
    files[i] = machine_.descriptors.get(fds[i]);
    if (files[i] == nullptr) return -EBADF;
  }
  fixed_files_ = std::move(files);
  has_fixed_files_ = true;
  next_fixed_ = 0;
  return 0;
}

int FakeRing::update_files(unsigned offset, const int* fds, unsigned count) {
  if (!has_fixed_files_) return -ENXIO;
  if (count == 0 || offset > fixed_files_.size() || count > fixed_files_.size() - offset) {
    return -EINVAL;
  }
  for (unsigned i = 0; i < count; ++i) {
    if (fds[i] == IORING_REGISTER_FILES_SKIP) continue;
    FilePtr file = fds[i] == -1 ? nullptr : machine_.descriptors.get(fds[i]);
    if (fds[i] != -1 && file == nullptr) return i > 0 ? static_cast<int>(i) : -EBADF;
    fixed_files_[offset + i].swap(file);
  }
  return static_cast<int>(count);
}

FilePtr FakeRing::fixed_file(int slot) const {
  auto place = static_cast<size_t>(slot);
  return slot >= 0 && place < fixed_files_.size() ? fixed_files_[place] : nullptr;
}

int FakeRing::install_fixed(FilePtr file, uint32_t file_index) {
  if (!has_fixed_files_) return file_index == IORING_FILE_INDEX_ALLOC ? -ENFILE : -ENXIO;
  auto slots = static_cast<unsigned>(fixed_files_.size());
  if (file_index != IORING_FILE_INDEX_ALLOC) {
    if (file_index > slots) return -EINVAL;
    fixed_files_[file_index - 1].swap(file);
    return 0;
  }
  for (unsigned i = 0; i < slots; ++i) {
    unsigned slot = (next_fixed_ + i) % slots;
    if (fixed_files_[slot] != nullptr) continue;
    fixed_files_[slot] = std::move(file);
    next_fixed_ = slot + 1;
    return static_cast<int>(slot);
  }
  return -ENFILE;
}

int FakeRing::clear_fixed(unsigned slot) {
  if (!has_fixed_files_) return -ENXIO;
  if (slot >= fixed_files_.size()) return -EINVAL;
  if (fixed_files_[slot] == nullptr) return -EBADF;
  FilePtr file = std::move(fixed_files_[slot]);
  next_fixed_ = slot;
  return 0;
}

}  // namespace gatio::fakes
