// Assertions for our own bugs. They stay on in release builds: a runtime that goes on after a
// broken invariant corrupts somebody's data. What a peer, a file or the kernel may do is never
// asserted; that is a Result. Any thread may use them.
#pragma once

namespace gatio {

// Prints "file:line: assertion failed: text" to stderr and aborts.
[[noreturn]] void assertion_failed(const char* file, int line, const char* text);

}  // namespace gatio

#define GATIO_ASSERT(condition)                                  \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::gatio::assertion_failed(__FILE__, __LINE__, #condition); \
  } while (false)
