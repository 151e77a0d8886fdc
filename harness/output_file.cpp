#include "harness/output_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace gatio::harness {

namespace fs = std::filesystem;

std::string problem_of_output(const std::string& path, const std::string& example) {
  if (path.empty()) return "";
  std::error_code ignored;
  if (path.back() == '/' || fs::is_directory(path, ignored))
    return fmt::format("is a folder; name a file in it, such as {}", example);
  const std::string folder = fs::path(path).parent_path().string();
  const std::string asked = fs::exists(path, ignored) ? path : folder.empty() ? "." : folder;
  if (access(asked.c_str(), W_OK) == 0) return "";
  return fmt::format("cannot write there: {}", strerror(errno));
}

}  // namespace gatio::harness
