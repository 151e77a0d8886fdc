#include "fakes/files.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

namespace gatio::fakes {

uint32_t MemoryFile::poll() const {
  return POLLIN | POLLOUT;
}

int64_t MemoryFile::read(std::span<char> to, int64_t offset) {
  if ((flags_ & O_ACCMODE) == O_WRONLY) return -EBADF;
  if (offset < -1) return -EINVAL;
  size_t from = offset < 0 ? position_ : static_cast<size_t>(offset);
  size_t count = from < contents_->size() ? std::min(to.size(), contents_->size() - from) : 0;
  if (count > 0) std::memcpy(to.data(), contents_->data() + from, count);
  if (offset < 0) position_ += count;
  return static_cast<int64_t>(count);
}

int64_t MemoryFile::write(std::span<const char> from, int64_t offset) {
  if ((flags_ & O_ACCMODE) == O_RDONLY) return -EBADF;
  if (offset < -1) return -EINVAL;
  size_t to = offset < 0 ? position_ : static_cast<size_t>(offset);
  if ((flags_ & O_APPEND) != 0) to = contents_->size();
  if (contents_->size() < to + from.size()) contents_->resize(to + from.size());
  if (!from.empty()) std::memcpy(contents_->data() + to, from.data(), from.size());
  if (offset < 0) position_ = to + from.size();
  return static_cast<int64_t>(from.size());
}

FilePtr Files::open(const std::string& path, int flags, int& error) {
  auto found = files_.find(path);
  if (found == files_.end()) {
    error = -ENOENT;
    if ((flags & O_CREAT) == 0 || path.empty()) return nullptr;
    found = files_.emplace(path, std::make_shared<std::string>()).first;
  } else if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
    error = -EEXIST;
    return nullptr;
  }
  if ((flags & O_DIRECTORY) != 0) {
    error = -ENOTDIR;
    return nullptr;
  }
  bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if ((flags & O_TRUNC) != 0 && writes) found->second->clear();
  error = 0;
  return std::make_shared<MemoryFile>(found->second, flags);
}

void Files::put(const std::string& path, std::string contents) {
  files_[path] = std::make_shared<std::string>(std::move(contents));
}

const std::string* Files::get(const std::string& path) const {
  auto found = files_.find(path);
  return found == files_.end() ? nullptr : found->second.get();
}

}  // namespace gatio::fakes
