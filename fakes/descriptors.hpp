// The descriptor table of the fake process: numbers from kFirst on, the lowest free one first, as
// Linux gives them. Owned by the Machine; the simulation's one thread only.
#pragma once

#include <cerrno>
#include <cstddef>
#include <vector>

#include "fakes/file.hpp"

namespace gatio::fakes {

class Descriptors {
 public:
  // None of the fake's numbers is ever one of the real kernel's.
  static constexpr int kFirst = 1 << 20;

  // The file, or nullptr where there is none.
  [[nodiscard]] const FilePtr& get(int fd) const {
    size_t place = static_cast<size_t>(fd) - kFirst;
    return fd >= kFirst && place < files_.size() ? files_[place] : none_;
  }
  [[nodiscard]] bool full() const { return open_ >= limit_; }
  // The new descriptor, or -EMFILE.
  int add(FilePtr file);
  // -EBADF where there is none. Tells the file, which others may still hold.
  int close(int fd);
  // RLIMIT_NOFILE.
  void set_limit(size_t limit) { limit_ = limit; }
  [[nodiscard]] size_t open_count() const { return open_; }

 private:
  std::vector<FilePtr> files_;
  FilePtr none_;
  size_t open_ = 0;
  size_t lowest_ = 0;  // all places below it are taken
  size_t limit_ = 1'000'000;
};

}  // namespace gatio::fakes
