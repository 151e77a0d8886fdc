#include "fakes/descriptors.hpp"

#include <algorithm>
#include <utility>

namespace gatio::fakes {

int Descriptors::add(FilePtr file) {
  if (full()) return -EMFILE;
  while (lowest_ < files_.size() && files_[lowest_] != nullptr) ++lowest_;
  if (lowest_ == files_.size()) files_.emplace_back();
  files_[lowest_] = std::move(file);
  ++open_;
  return kFirst + static_cast<int>(lowest_++);
}

int Descriptors::close(int fd) {
  if (get(fd) == nullptr) return -EBADF;
  size_t place = static_cast<size_t>(fd - kFirst);
  FilePtr file = std::exchange(files_[place], nullptr);
  --open_;
  lowest_ = std::min(lowest_, place);
  file->descriptor_closed();
  return 0;
}

}  // namespace gatio::fakes
