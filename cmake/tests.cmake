# gatio_test(NAME SOURCES... ): one GoogleTest program whose tests ctest finds just before it runs them, so
# that a build runs nothing. A test that skips is reported as skipped: gtest_discover_tests knows the word.

include(GoogleTest)

function(gatio_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  if(NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK} gatio_warnings GTest::gtest_main rapidcheck
    PkgConfig::SECCOMP)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES TIMEOUT 120)
endfunction()

gatio_test_sources(runtime_tests runtime)
gatio_test(runtime_test SOURCES ${runtime_tests} LINK gatio)
