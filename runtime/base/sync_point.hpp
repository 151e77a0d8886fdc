// The places at which a simulator may switch from one driver to another: before each access to
// another driver's memory, and between the decision to park and the enter. On a real machine the
// hook is null and a point costs one predicted branch. Set before the drivers run, never while they
// do.
#pragma once

namespace gatio {

using SyncPointHook = void (*)(const char* where);
extern constinit SyncPointHook sync_point_hook;

inline void sync_point(const char* where) {
  if (sync_point_hook != nullptr) [[unlikely]]
    sync_point_hook(where);
}

}  // namespace gatio
