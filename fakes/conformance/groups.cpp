#include "fakes/conformance/groups.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr size_t kPage = 4096;

size_t whole_pages(size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

Groups::~Groups() {
  for (auto& group : groups_) kernel_.unmap(group->entries, group->bytes);
}

int Groups::set_up(PlainRing& ring, const std::vector<Group>& groups) {
  for (const Group& shape : groups) {
    auto group = std::make_unique<Live>();
    group->shape = shape;
    size_t head = whole_pages(shape.count * sizeof(io_uring_buf));
    group->bytes = head + whole_pages(size_t{shape.count} * shape.size);
    void* memory = kernel_.map(group->bytes, kPage, -1);
    if (memory == nullptr) return -ENOMEM;
    std::memset(memory, 0, group->bytes);  // the fake's need not be empty
    group->entries = static_cast<io_uring_buf_ring*>(memory);
    group->data = static_cast<char*>(memory) + head;
    group->offsets.assign(shape.count, 0);
    uapi::BufferRingRegistration registration{
        .ring_addr = reinterpret_cast<uint64_t>(memory),
        .ring_entries = shape.count,
        .bgid = static_cast<uint16_t>(groups_.size()),
        .flags = shape.incremental ? uapi::kBufferRingIncremental : uint16_t{0}};
    groups_.push_back(std::move(group));
    int result = ring.register_with(IORING_REGISTER_PBUF_RING, &registration, 1);
    if (result < 0) return result;
    for (uint16_t id = 0; id < shape.count; ++id) add(*groups_.back(), id);
  }
  return 0;
}

void Groups::add(Live& group, uint16_t id) {
  group.offsets[id] = 0;
  // By bufs[0] of the ring's memory as plain array: the union's flexible array is no standard C++.
  auto* slots = reinterpret_cast<io_uring_buf*>(group.entries);
  io_uring_buf& slot = slots[group.tail % group.shape.count];
  slot.addr = reinterpret_cast<uint64_t>(group.data + size_t{id} * group.shape.size);
  slot.len = group.shape.size;
  slot.bid = id;
  ++group.tail;
  group.given.push_back(id);
  // The release pairs with the kernel's acquire of the tail: the slot is whole.
  io_uring_smp_store_release(&group.entries->tail, group.tail);
}

std::vector<char> Groups::take(uint16_t group_id, uint32_t cqe_flags, int32_t result, bool bundle) {
  std::vector<char> bytes;
  if (group_id >= groups_.size()) return bytes;
  Live& group = *groups_[group_id];
  auto at = std::find(group.given.begin(), group.given.end(),
                      static_cast<uint16_t>(cqe_flags >> IORING_CQE_BUFFER_SHIFT));
  auto left = static_cast<uint32_t>(std::max(result, 0));
  for (bool first = true; at != group.given.end() && (first || (bundle && left > 0));
       first = false) {
    uint16_t id = *at;
    uint32_t offset = group.offsets[id];
    uint32_t size = group.shape.size - std::min(offset, group.shape.size);
    uint32_t part = std::min(left, size);
    const char* from = group.data + size_t{id} * group.shape.size + offset;
    bytes.insert(bytes.end(), from, from + part);
    left -= part;
    // Only the last can have room left.
    bool more = (cqe_flags & uapi::kCqeBufferMore) != 0 && left == 0 && (!bundle || part < size);
    if (more) {
      group.offsets[id] += part;
      break;
    }
    group.used.push_back(id);
    at = group.given.erase(at);
  }
  return bytes;
}

int Groups::refill(uint16_t group_id, uint32_t count) {
  if (group_id >= groups_.size()) return -ENOENT;
  Live& group = *groups_[group_id];
  int given = 0;
  for (; count > 0 && !group.used.empty(); --count, ++given) {
    uint16_t id = group.used.front();
    group.used.pop_front();
    add(group, id);
  }
  return given;
}

int Groups::drop(PlainRing& ring, uint16_t group) {
  io_uring_buf_reg registration{};
  registration.bgid = group;
  return ring.register_with(IORING_UNREGISTER_PBUF_RING, &registration, 1);
}

}  // namespace gatio::fakes::conformance
