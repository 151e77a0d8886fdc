// What a driver does: I/O, tasks, or both. A role decides only what a placement may send to a
// driver. Plain values: any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace gatio::config {

enum class Role : uint8_t { io, exec, both };

[[nodiscard]] constexpr std::string_view name(Role role) {
  switch (role) {
    case Role::io:
      return "io";
    case Role::exec:
      return "exec";
    case Role::both:
      return "both";
  }
  return "?";
}

// R2: only such a driver submits I/O and owns sockets.
[[nodiscard]] constexpr bool does_io(Role role) {
  return role != Role::exec;
}
// R1: only such a driver runs users' tasks.
[[nodiscard]] constexpr bool executes(Role role) {
  return role != Role::io;
}

}  // namespace gatio::config
