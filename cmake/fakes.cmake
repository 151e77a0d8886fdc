# The fake kernel. It sees runtime/base and runtime/kernel only, which ci/check.py proves; it links to the
# whole library because those two layers have no library of their own.

gatio_sources(fakes_sources fakes)
if(fakes_sources)
  add_library(gatio_fakes STATIC ${fakes_sources})
  target_link_libraries(gatio_fakes PUBLIC gatio PRIVATE gatio_warnings)
endif()
gatio_test_sources(fakes_tests fakes)
gatio_test(fakes_test SOURCES ${fakes_tests} LINK gatio $<TARGET_NAME_IF_EXISTS:gatio_fakes>)
