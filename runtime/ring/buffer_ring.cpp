#include "runtime/ring/buffer_ring.hpp"

#include <bit>
#include <cerrno>
#include <string>

namespace gatio {
namespace {

constexpr size_t kPage = 4096;
constexpr unsigned kMostBuffers = 32768;  // the kernel's limit

size_t whole_pages(size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

Result<void> BufferRing::open(Ring& ring, uint16_t group, unsigned count, unsigned size, int node) {
  GATIO_ASSERT(!is_open());
  auto what = [&] {
    return "buffer group " + std::to_string(group) + " of " + std::to_string(count) +
           " buffers of " + std::to_string(size) + " bytes";
  };
  if (!std::has_single_bit(count) || count > kMostBuffers || size == 0) {
    return fail(EINVAL, what() + " is not possible; the count must be a power of two up to 32768");
  }
  size_t head_bytes = whole_pages(count * sizeof(io_uring_buf));
  mapped_bytes_ = head_bytes + whole_pages(static_cast<size_t>(count) * size);
  void* memory = ring.kernel().map(mapped_bytes_, kPage, node);
  if (memory == nullptr) {
    return fail(ENOMEM, "no memory on node " + std::to_string(node) + " for " + what() +
                            "; use fewer or smaller buffers");
  }
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(memory);
  registration.ring_entries = count;
  registration.bgid = group;
  int result = ring.register_with(IORING_REGISTER_PBUF_RING, &registration, 1);
  if (result < 0) {
    ring.kernel().unmap(memory, mapped_bytes_);
    std::string why = result == -EEXIST ? "the group exists already" : Error{-result, {}}.message();
    return fail(-result, "IORING_REGISTER_PBUF_RING for " + what() + ": " + why);
  }
  ring_ = &ring;
  entries_ = static_cast<io_uring_buf_ring*>(memory);
  data_ = static_cast<char*>(memory) + head_bytes;
  count_ = free_ = count;
  size_ = size;
  group_ = group;
  tail_ = 0;
  taken_.assign(count, false);
  for (unsigned id = 0; id < count; ++id) add(static_cast<uint16_t>(id));
  publish();
  return {};
}

void BufferRing::close() {
  if (!is_open()) return;
  io_uring_buf_reg registration{};
  registration.bgid = group_;
  ring_->register_with(IORING_UNREGISTER_PBUF_RING, &registration, 1);
  ring_->kernel().unmap(entries_, mapped_bytes_);
  ring_ = nullptr;
  entries_ = nullptr;
  data_ = nullptr;
  count_ = free_ = 0;
}

}  // namespace gatio
