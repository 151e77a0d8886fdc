# Run at every build: writes HEADER with the revision of SOURCE and with BUILD_TYPE. The file is touched only
# when it changes, so that nothing is compiled anew for nothing.

execute_process(COMMAND git describe --always --dirty --abbrev=12
  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT revision)
  set(revision unknown)
endif()
file(CONFIGURE OUTPUT ${HEADER} @ONLY CONTENT [[
// Of which source this build is, and how it was compiled. Made by cmake/build_info.cmake; any thread.
#pragma once

#define GATIO_REVISION "@revision@"
#define GATIO_BUILD_TYPE "@BUILD_TYPE@"
]])
