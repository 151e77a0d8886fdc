// The handlers and protocols that `gatio serve` offers by name. A program registers its own
// instead. Stateless; called on any driver.
#pragma once

#include <gatio.hpp>

namespace gatio::harness {

// http handlers: "hello" answers a fixed text, "spend" computes for ?ns=N nanoseconds (1000 without
// it, at most a second), "echo" answers the request's body. Protocol "echo": sends back what it
// receives.
void add_builtin_handlers(Runtime& runtime);

}  // namespace gatio::harness
