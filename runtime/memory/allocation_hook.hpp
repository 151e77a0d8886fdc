// A simulator's way to let single blocks fail, as though the quota were exhausted at this very one.
// Pools look at it when they are made, so that a pool without it pays nothing for it. Set before
// the heaps are made, never while they live; called on the allocating driver's thread.
#pragma once

namespace gatio {

// Whether there is memory for the block that is asked for.
using AllocationHook = bool (*)();
extern constinit AllocationHook allocation_hook;

}  // namespace gatio
