# The conformance of the fake kernel with the real one: a library, its tests, and the program
# build/release/fakes_conformance.

gatio_sources(conformance_sources fakes/conformance EXCEPT main\\.cpp$)
add_library(gatio_conformance STATIC ${conformance_sources})
target_link_libraries(gatio_conformance PUBLIC gatio_fakes PRIVATE gatio_warnings)

add_executable(fakes_conformance fakes/conformance/main.cpp)
set_target_properties(fakes_conformance PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_libraries(fakes_conformance PRIVATE gatio_conformance gatio_warnings)

gatio_test_sources(conformance_tests fakes/conformance)
gatio_test(conformance_test SOURCES ${conformance_tests} LINK gatio_conformance)
