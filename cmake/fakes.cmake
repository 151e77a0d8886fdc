# The fake kernel with its simulated network: what the harness runs the runtime on.

gatio_sources(fakes_sources fakes EXCEPT conformance/)
add_library(gatio_fakes STATIC ${fakes_sources})
target_link_libraries(gatio_fakes PUBLIC gatio Boost::context PRIVATE gatio_warnings)

gatio_test_sources(fakes_tests fakes)
list(FILTER fakes_tests EXCLUDE REGEX "/fakes/conformance/")
gatio_test(fakes_test SOURCES ${fakes_tests} LINK gatio_fakes)
