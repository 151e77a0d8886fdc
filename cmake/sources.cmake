# Which file belongs to which target is decided by its name and folder, never by a list: a new file is
# built as soon as it exists.

# Files that belong to a test program: foo_test.cpp, and test_foo.cpp for what several tests share.
set(GATIO_TEST_FILE "(_test|/test_[^/]*)\\.cpp$")

# gatio_sources(VARIABLE FOLDER [EXCEPT REGEX...]): all .cpp files below FOLDER that are not tests.
function(gatio_sources variable folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" EXCEPT)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER files EXCLUDE REGEX "${GATIO_TEST_FILE}")
  foreach(regex IN LISTS arg_EXCEPT)
    list(FILTER files EXCLUDE REGEX "^${PROJECT_SOURCE_DIR}/${folder}/${regex}")
  endforeach()
  set(${variable} ${files} PARENT_SCOPE)
endfunction()

# gatio_test_sources(VARIABLE FOLDER): all .cpp files below FOLDER that are tests.
function(gatio_test_sources variable folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER files INCLUDE REGEX "${GATIO_TEST_FILE}")
  set(${variable} ${files} PARENT_SCOPE)
endfunction()
