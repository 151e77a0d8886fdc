// Where something was declared, for errors only: what differs in it alone is the same. Plain
// values: any thread.
#pragma once

#include <string>

namespace gatio::config {

struct Place {
  std::string file;
  unsigned line = 0;  // 0: no file, a program made it
  friend bool operator==(const Place&, const Place&) { return true; }
  // "a.toml:12", or nothing where a program made it.
  [[nodiscard]] std::string text() const {
    return line == 0 ? "" : file + ":" + std::to_string(line);
  }
};

}  // namespace gatio::config
