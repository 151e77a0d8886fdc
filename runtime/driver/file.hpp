// A file for tasks: open, read, write and fsync through the ring, offsets and lengths in bytes.
// Owned by a task; one task at a time. From an exec driver each operation travels to its io driver
// and back.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "runtime/base/result.hpp"
#include "runtime/driver/operation.hpp"

namespace gatio {

class File {
 public:
  // open(2) with these flags (O_CLOEXEC is added). Errors: those of open(2), ECANCELED.
  static Task<Result<File>> open(std::string path, int flags, mode_t mode = 0644) {
    int safe_flags = flags | O_CLOEXEC;
    Result<int> fd = co_await SimpleOperation([&](io_uring_sqe* sqe) {
      io_uring_prep_openat(sqe, AT_FDCWD, path.c_str(), safe_flags, mode);
    });
    if (!fd) co_return Error{fd.error().code, "cannot open " + path + ": " + fd.error().message()};
    co_return File(*fd, Driver::current()->kernel());
  }

  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), kernel_(other.kernel_) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(kernel_, other.kernel_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) kernel_->close(fd_);
  }

  // How many bytes were read; 0 at the end of the file. pread(2).
  auto read(std::span<char> buffer, uint64_t offset) {
    return SimpleOperation([fd = fd_, buffer, offset](io_uring_sqe* sqe) {
      io_uring_prep_read(sqe, fd, buffer.data(), length_of(buffer.size()), offset);
    });
  }
  // How many bytes were written, which may be fewer than given. pwrite(2).
  auto write(std::span<const char> bytes, uint64_t offset) {
    return SimpleOperation([fd = fd_, bytes, offset](io_uring_sqe* sqe) {
      io_uring_prep_write(sqe, fd, bytes.data(), length_of(bytes.size()), offset);
    });
  }
  // 0 once everything written is on the device. fsync(2).
  auto sync() {
    return SimpleOperation([fd = fd_](io_uring_sqe* sqe) { io_uring_prep_fsync(sqe, fd, 0); });
  }

  [[nodiscard]] int fd() const { return fd_; }

 private:
  // What the kernel moves at once is below 2 GiB (read(2)); a longer span would lose its upper
  // bits.
  static unsigned length_of(size_t bytes) {
    return static_cast<unsigned>(std::min<size_t>(bytes, INT_MAX));
  }
  File(int fd, Kernel& kernel) : fd_(fd), kernel_(&kernel) {}

  int fd_;
  Kernel* kernel_;
};

}  // namespace gatio
