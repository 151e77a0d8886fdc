// Small files in memory, by their path, for openat, read, write and fsync: no directories, no
// permissions but what open(2)'s flags ask for. Owned by the Machine; the simulation's one thread
// only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "fakes/file.hpp"

namespace gatio::fakes {

using Contents = std::shared_ptr<std::string>;

class MemoryFile final : public File {
 public:
  // `flags` as of open(2).
  MemoryFile(Contents contents, int flags) : contents_(std::move(contents)), flags_(flags) {}

  [[nodiscard]] uint32_t poll() const override;
  int64_t read(std::span<char> to, int64_t offset) override;
  int64_t write(std::span<const char> from, int64_t offset) override;
  int fsync() override { return 0; }

 private:
  Contents contents_;
  int flags_;
  size_t position_ = 0;
};

class Files {
 public:
  // open(2). nullptr with `error` = -errno.
  FilePtr open(const std::string& path, int flags, int& error);
  // For the harness: creates or replaces a file.
  void put(const std::string& path, std::string contents);
  // nullptr where there is none.
  [[nodiscard]] const std::string* get(const std::string& path) const;

 private:
  std::map<std::string, Contents> files_;
};

}  // namespace gatio::fakes
