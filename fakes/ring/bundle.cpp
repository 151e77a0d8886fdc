#include "fakes/ring/bundle.hpp"

#include <algorithm>
#include <vector>

#include "fakes/ring/transfer.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes {
namespace {

constexpr size_t kMostBuffers = 256;
constexpr size_t kMostBytes = 0x7fffffff;

int find_group(FakeRing& ring, const Request& request, BufferGroup*& group) {
  group = ring.buffers(request.sqe.buf_group);
  if (group == nullptr) return -ENOENT;
  return ring.machine().strikes(ring.machine().world.faults.no_buffers) ? -ENOBUFS : 0;
}

// How many buffers a look for at most `most` bytes may find; 0: as many as there are.
size_t limit_of(const BufferGroup& group, size_t most) {
  size_t count = group.count();
  size_t first = group.at(0).size();
  if (most == 0 || count == 0) return count;
  if (first == 0) return 0;
  return std::min({count, (most + first - 1) / first, kMostBuffers});
}

// The next `count` buffers, as far as `most` bytes need them.
void collect(Bundle& bundle, Request& request, size_t count, size_t most,
             std::vector<iovec>& parts) {
  const BufferGroup& group = *bundle.group;
  parts.clear();
  size_t next = 0;
  while (next < count) {
    std::span<char> buffer = group.at(next);
    size_t size = std::min(buffer.size(), most);
    if (size < buffer.size() && !group.incremental()) {
      request.partial = true;
      if (!parts.empty()) break;
    }
    parts.push_back({buffer.data(), size});
    most -= size;
    if (most == 0) break;
    ++next;
  }
  request.buffers_end = request.buffers_end || next == group.count();
  bundle.parts = parts;
}

}  // namespace

uint32_t Bundle::take(size_t bytes) const {
  size_t buffers = 0;
  for (size_t rest = bytes; rest > 0; ++buffers) rest -= std::min(rest, parts[buffers].iov_len);
  return group->take(bytes, buffers);
}

int look_for_room(FakeRing& ring, Request& request, size_t most, Bundle& bundle) {
  static std::vector<iovec> parts;
  if (int error = find_group(ring, request, bundle.group); error < 0) return error;
  if (request.vectors == 0) request.vectors = ring.choose_vectors();
  size_t limit = limit_of(*bundle.group, most);
  if (limit == 0) return -ENOBUFS;
  bool grows = most > 0 && limit > request.vectors;
  collect(bundle, request, grows ? limit : std::min(limit, request.vectors),
          most > 0 ? most : kMostBytes, parts);
  if (grows) {
    request.vectors = parts.size();
    ring.note_vectors(parts.size());
  }
  if (parts.size() == 1) request.most_bytes = parts[0].iov_len;
  return 0;
}

int select_to_send(FakeRing& ring, Request& request) {
  Bundle bundle;
  if (int error = find_group(ring, request, bundle.group); error < 0) return error;
  size_t most = request.sqe.len > 0 ? request.sqe.len : kMostBytes;
  size_t limit = limit_of(*bundle.group, most);
  if (limit == 0) return -ENOBUFS;
  bool many = (request.sqe.ioprio & uapi::kBundle) != 0;
  collect(bundle, request, many ? limit : 1, most, request.parts);
  if (many && limit > 1) ring.note_vectors(request.parts.size());
  request.flags = bundle.group->take(total_bytes(request.parts), request.parts.size());
  request.keeps_buffer = true;
  return 0;
}

}  // namespace gatio::fakes
