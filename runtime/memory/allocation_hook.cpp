#include "runtime/memory/allocation_hook.hpp"

namespace gatio {

constinit AllocationHook allocation_hook = nullptr;

}  // namespace gatio
