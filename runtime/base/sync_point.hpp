// The places at which a simulator may switch from one driver to another: before each access to
// another driver's memory, and between the decision to park and the enter. On a real machine the
// hook is null and a point costs one predicted branch. Set before the drivers run, never while they
// do.
#pragma once

namespace gatio {

using SyncPointHook = void (*)(const char* where);
extern constinit SyncPointHook sync_point_hook;

// The points that say something of a driver's sleep, which a simulator tells apart by their
// addresses; others go by any name.
inline constexpr char kMailboxPush[] = "mailbox: push";
inline constexpr char kMailboxTake[] = "mailbox: take";
inline constexpr char kDriverParked[] = "driver: parked";
inline constexpr char kDriverWake[] = "driver: wake";

inline void sync_point(const char* where) {
  if (sync_point_hook != nullptr) [[unlikely]]
    sync_point_hook(where);
}

}  // namespace gatio
