// READ, WRITE, their vectored forms, FSYNC, OPENAT and CLOSE.
#include <fcntl.h>
#include <poll.h>

#include <algorithm>

#include "fakes/ring/fake_ring.hpp"
#include "fakes/ring/transfer.hpp"

namespace gatio::fakes {
namespace {

// Whether a worker thread is to do what could be done at once: the page cache decides on Linux.
bool goes_to_worker(FakeRing& ring, const Request& request) {
  return !request.on_worker && ring.machine().world.choices.choose(ChoiceKind::order, 2) == 1;
}

bool is_stored(const File& file) {
  return dynamic_cast<const MemoryFile*>(&file) != nullptr;
}

int64_t read_parts(File& file, std::span<const iovec> parts, int64_t offset) {
  if (file.is_socket()) {
    // Unlike a receive, a read of nothing never waits (seen on Linux 6.18).
    if (total_bytes(parts) == 0) return 0;
    return static_cast<Socket&>(file).receive(parts, 0).result;
  }
  int64_t total = 0;
  for (const iovec& part : parts) {
    int64_t count = file.read({static_cast<char*>(part.iov_base), part.iov_len},
                              offset < 0 ? offset : offset + total);
    if (count < 0) return total > 0 ? total : count;
    total += count;
    if (static_cast<size_t>(count) < part.iov_len) break;
  }
  return total;
}

int64_t write_parts(File& file, std::span<const iovec> parts, int64_t offset) {
  if (file.is_socket()) return static_cast<Socket&>(file).send(parts, 0, nullptr, 0);
  int64_t total = 0;
  for (const iovec& part : parts) {
    int64_t count = file.write({static_cast<const char*>(part.iov_base), part.iov_len},
                               offset < 0 ? offset : offset + total);
    if (count < 0) return total > 0 ? total : count;
    total += count;
    if (static_cast<size_t>(count) < part.iov_len) break;
  }
  return total;
}

// What an attempt that had to wait is to do.
Step wait_for(Request& request, uint32_t mask, FakeRing& ring) {
  // A signalfd can be waited for since Linux 6.10 although it is non-blocking.
  bool may_wait = !request.file->nonblocking() || request.file->is_socket() ||
                  dynamic_cast<const SignalFile*>(request.file.get()) == nullptr ||
                  ring.machine().world.choices.choose(ChoiceKind::order, 2) == 0;
  request.result = -EAGAIN;
  request.poll_mask = mask;
  return may_wait ? Step::wait : Step::done;
}

}  // namespace

int prepare_transfer(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.rw_flags != 0) return -EOPNOTSUPP;
  request.parts.push_back({reinterpret_cast<void*>(sqe.addr), sqe.len});
  return 0;
}

int prepare_vector_transfer(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.rw_flags != 0) return -EOPNOTSUPP;
  bool selects = (sqe.flags & IOSQE_BUFFER_SELECT) != 0;
  if (sqe.len > 1024 || (selects && sqe.len != 1)) return -EINVAL;
  if (sqe.addr == 0 && sqe.len > 0) return -EFAULT;
  const auto* parts = reinterpret_cast<const iovec*>(sqe.addr);
  request.parts.assign(parts, parts + sqe.len);
  return 0;
}

Step do_read(FakeRing& ring, Request& request) {
  if (is_stored(*request.file) && goes_to_worker(ring, request)) return Step::worker;
  Selection selection;
  if (int error = select(ring, request, selection); error < 0) {
    request.result = error;
    return Step::done;
  }
  std::span<const iovec> to = shorten(ring, selection.parts);
  int64_t count = read_parts(*request.file, to, static_cast<int64_t>(request.sqe.off));
  if (count == -EAGAIN) return wait_for(request, POLLIN, ring);
  request.result = static_cast<int32_t>(count);
  if (count >= 0) request.flags |= selection.take(static_cast<size_t>(count));
  request.failed = static_cast<uint64_t>(count) != total_bytes(selection.parts);
  return Step::done;
}

Step do_write(FakeRing& ring, Request& request) {
  if (is_stored(*request.file) && goes_to_worker(ring, request)) return Step::worker;
  std::span<const iovec> from = shorten(ring, request.parts);
  int64_t count = write_parts(*request.file, from, static_cast<int64_t>(request.sqe.off));
  if (count == -EAGAIN) return wait_for(request, POLLOUT, ring);
  request.result = static_cast<int32_t>(count);
  request.failed = static_cast<uint64_t>(count) != total_bytes(request.parts);
  return Step::done;
}

int prepare_fsync(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.addr != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  return (sqe.fsync_flags & ~IORING_FSYNC_DATASYNC) != 0 ? -EINVAL : 0;
}

Step do_fsync(FakeRing&, Request& request) {
  if (!request.on_worker) return Step::worker;
  request.result = request.file->fsync();
  return Step::done;
}

int prepare_openat(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.buf_index != 0) return -EINVAL;
  if (request.fixed_file) return -EBADF;
  if (sqe.addr == 0) return -EFAULT;
  if (sqe.file_index != 0 && (sqe.open_flags & O_CLOEXEC) != 0) return -EINVAL;
  request.path = reinterpret_cast<const char*>(sqe.addr);
  return 0;
}

Step do_openat(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  bool changes = (sqe.open_flags & (O_TRUNC | O_CREAT)) != 0;
  if (!request.on_worker && (changes || goes_to_worker(ring, request))) return Step::worker;
  if (sqe.file_index == 0 && ring.machine().descriptors.full()) {
    request.result = -EMFILE;
    return Step::done;
  }
  FilePtr file =
      ring.machine().files.open(request.path, static_cast<int>(sqe.open_flags), request.result);
  if (file == nullptr) return Step::done;
  request.result = sqe.file_index != 0 ? ring.install_fixed(std::move(file), sqe.file_index)
                                       : ring.machine().descriptors.add(std::move(file));
  return Step::done;
}

int prepare_close(FakeRing&, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.off != 0 || sqe.addr != 0 || sqe.len != 0 || sqe.rw_flags != 0 || sqe.buf_index != 0) {
    return -EINVAL;
  }
  if (request.fixed_file) return -EBADF;
  return sqe.file_index != 0 && sqe.fd != 0 ? -EINVAL : 0;
}

Step do_close(FakeRing& ring, Request& request) {
  const io_uring_sqe& sqe = request.sqe;
  if (sqe.file_index != 0) {
    ring.let_go_later(ring.fixed_file(static_cast<int>(sqe.file_index - 1)));
    request.result = ring.clear_fixed(sqe.file_index - 1);
  } else if (ring.machine().ring(sqe.fd) != nullptr) {
    request.result = -EBADF;
  } else {
    ring.let_go_later(ring.machine().descriptors.get(sqe.fd));
    request.result = ring.machine().descriptors.close(sqe.fd);
  }
  return Step::done;
}

}  // namespace gatio::fakes
