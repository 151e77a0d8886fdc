#include "fakes/ring/transfer.hpp"

#include <algorithm>
#include <vector>

namespace gatio::fakes {
namespace {

// The parts without their first `skipped` bytes and without what is beyond `limit`.
void cut(std::span<const iovec> parts, size_t skipped, size_t limit, std::vector<iovec>& to) {
  to.clear();
  for (iovec part : parts) {
    size_t skips = std::min(skipped, part.iov_len);
    skipped -= skips;
    part.iov_base = static_cast<char*>(part.iov_base) + skips;
    part.iov_len = std::min(part.iov_len - skips, limit);
    limit -= part.iov_len;
    if (part.iov_len > 0) to.push_back(part);
  }
}

}  // namespace

std::span<const iovec> rest_of(const Request& request) {
  static std::vector<iovec> rest;
  if (request.done_bytes == 0) return request.parts;
  cut(request.parts, request.done_bytes, ~size_t{0}, rest);
  return rest;
}

int select(FakeRing& ring, Request& request, Selection& selection) {
  if ((request.sqe.flags & IOSQE_BUFFER_SELECT) == 0 || request.keeps_buffer) {
    selection.parts = rest_of(request);
    return 0;
  }
  selection.group = ring.buffers(request.sqe.buf_group);
  if (selection.group == nullptr) return -ENOBUFS;
  if (ring.machine().strikes(ring.machine().world.faults.no_buffers)) return -ENOBUFS;
  auto buffer = selection.group->next();
  if (!buffer) return -ENOBUFS;
  size_t wanted = request.parts.empty() ? 0 : request.parts[0].iov_len;
  if (request.most_bytes > 0) wanted = request.most_bytes;
  size_t size = wanted == 0 ? buffer->size() : std::min(wanted, buffer->size());
  if (request.sqe.opcode != IORING_OP_RECVMSG) request.most_bytes = size;
  selection.buffer = {buffer->data(), size};
  selection.parts = {&selection.buffer, 1};
  return 0;
}

std::span<const iovec> shorten(FakeRing& ring, std::span<const iovec> parts) {
  static std::vector<iovec> shortened;
  Machine& machine = ring.machine();
  size_t bytes = total_bytes(parts);
  if (bytes < 2 || !machine.strikes(machine.world.faults.short_transfer)) return parts;
  auto most = static_cast<uint32_t>(std::min<size_t>(bytes - 1, 1 << 20));
  cut(parts, 0, bytes - 1 - machine.world.choices.choose(ChoiceKind::amount, most), shortened);
  return shortened;
}

}  // namespace gatio::fakes
