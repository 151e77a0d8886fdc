# Build types, warnings, sanitizers and the compiler cache. The presets choose among these.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# One release build: with our asserts, which do not know NDEBUG, and with line numbers for profiles and for the
# sanitizers. Variables are in the preset debug only: they make a build a quarter longer.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -fno-plt")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -fno-plt")

option(GATIO_WERROR "Warnings are errors (CI sets it)" OFF)
set(GATIO_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, comma-separated")

# Below -O2, g++ makes symmetric transfer a real tail call only when told to; else long chains of
# coroutines overflow the stack.
add_compile_options($<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<CONFIG:Debug>>:-foptimize-sibling-calls>)

if(GATIO_SANITIZE)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "GATIO_SANITIZE needs clang: g++ 12 crashes on long chains of symmetric transfer "
                        "under sanitizers. Use the preset asan or tsan.")
  endif()
  add_compile_options(-fsanitize=${GATIO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  add_link_options(-fsanitize=${GATIO_SANITIZE})
endif()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE ccache)
  if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  endif()
endif()

# Every target of ours links to this privately, so that warnings stay in this tree. Not -Wpedantic: it
# refuses __int128. A designated initializer leaves the other members at their defaults on purpose, and
# -Wrestrict of g++ 12 is wrong about std::string (GCC bug 105651).
add_library(gatio_warnings INTERFACE)
target_compile_options(gatio_warnings INTERFACE
  -Wall -Wextra -Wnon-virtual-dtor -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${GATIO_WERROR}>:-Werror>)
