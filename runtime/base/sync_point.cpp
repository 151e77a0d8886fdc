#include "runtime/base/sync_point.hpp"

namespace gatio {

constinit SyncPointHook sync_point_hook = nullptr;

}  // namespace gatio
