# The harness: the program gatio, its tests and the micro-benchmarks.

gatio_sources(harness_sources harness EXCEPT main\\.cpp$ bench/ properties/)
add_library(gatio_harness STATIC ${harness_sources})
target_link_libraries(gatio_harness
  PUBLIC gatio fmt::fmt nlohmann_json::nlohmann_json CLI11::CLI11
  PRIVATE gatio_warnings)
target_include_directories(gatio_harness SYSTEM PRIVATE ${LLHTTP_INCLUDE_DIR} ${TOMLPLUSPLUS_INCLUDE_DIR})
# Results say which source they were measured with. Known when CMake runs; a dirty tree says so.
execute_process(COMMAND git describe --always --dirty --abbrev=12
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE GATIO_REVISION
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
target_compile_definitions(gatio_harness PUBLIC GATIO_VERSION="${PROJECT_VERSION}"
  $<$<BOOL:${GATIO_REVISION}>:GATIO_REVISION="${GATIO_REVISION}">)

# The library has the name already; the program only gets it as the name of its file.
add_executable(gatio_program harness/main.cpp)
set_target_properties(gatio_program PROPERTIES
  OUTPUT_NAME gatio RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_libraries(gatio_program PRIVATE gatio_harness gatio_warnings)
install(TARGETS gatio_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# The properties belong to the test program, whatever their files are called.
gatio_test_sources(harness_tests harness)
gatio_sources(harness_properties harness/properties)
gatio_test(harness_test SOURCES ${harness_tests} ${harness_properties} LINK gatio_harness)

gatio_sources(bench_sources harness/bench)
add_executable(gatio_bench ${bench_sources})
target_link_libraries(gatio_bench PRIVATE gatio gatio_warnings
  benchmark::benchmark benchmark::benchmark_main)
