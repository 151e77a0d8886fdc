# gatio_test(NAME SOURCES... ): one GoogleTest program whose tests ctest finds just before it runs them, so
# that a build runs nothing. A test that skips is reported as skipped: gtest_discover_tests knows the word.

include(GoogleTest)

# All that ctest runs; a build for the tests alone leaves the benchmarks and the examples out.
add_custom_target(gatio_tests)

function(gatio_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  if(NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK} gatio_warnings GTest::gtest_main rapidcheck
    PkgConfig::SECCOMP)
  if(GATIO_SANITIZE)
    # A test's own code runs once: compiling it without optimisation takes half the time.
    target_compile_options(${name} PRIVATE -O0)
  endif()
  add_dependencies(gatio_tests ${name})
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 900)
endfunction()

gatio_test_sources(runtime_tests runtime)
gatio_test(runtime_test SOURCES ${runtime_tests} LINK gatio)
