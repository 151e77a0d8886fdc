# The harness: the program gatio, its tests and the micro-benchmarks.

gatio_sources(harness_sources harness EXCEPT main\\.cpp$ bench/ properties/)
add_library(gatio_harness STATIC ${harness_sources})
target_link_libraries(gatio_harness
  PUBLIC gatio gatio_fakes gatio_scenarios fmt::fmt nlohmann_json::nlohmann_json CLI11::CLI11
  PRIVATE gatio_warnings)
target_include_directories(gatio_harness SYSTEM PRIVATE ${LLHTTP_INCLUDE_DIR} ${TOMLPLUSPLUS_INCLUDE_DIR})
target_compile_definitions(gatio_harness PUBLIC GATIO_VERSION="${PROJECT_VERSION}")

# Results say which source they were measured with, and in which build: asked anew at every build.
set(generated ${PROJECT_BINARY_DIR}/generated)
set(build_type ${CMAKE_BUILD_TYPE})
if(GATIO_SANITIZE)
  string(APPEND build_type " (${GATIO_SANITIZE})")
endif()
add_custom_target(gatio_build_info
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DHEADER=${generated}/gatio_build.hpp
    "-DBUILD_TYPE=${build_type}" -P ${PROJECT_SOURCE_DIR}/cmake/build_info.cmake
  BYPRODUCTS ${generated}/gatio_build.hpp COMMENT "" VERBATIM)
add_dependencies(gatio_harness gatio_build_info)
target_include_directories(gatio_harness PRIVATE ${generated})

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
# Not by __FILE__: a compiler cache may make that relative to the build.
set_property(SOURCE ${PROJECT_SOURCE_DIR}/harness/scenario_test.cpp APPEND PROPERTY
  COMPILE_DEFINITIONS GATIO_SCENARIOS="${PROJECT_SOURCE_DIR}/scenarios")

gatio_sources(bench_sources harness/bench)
add_executable(gatio_bench ${bench_sources})
target_link_libraries(gatio_bench PRIVATE gatio_harness gatio gatio_warnings
  benchmark::benchmark benchmark::benchmark_main)
