# The scenarios' servers: scenarios/servers/NAME.cpp becomes build/release/scenarios/NAME. What several of
# them share lies in scenarios/servers/common/.

gatio_sources(scenario_common scenarios/servers/common)
add_library(gatio_scenario_common INTERFACE)
target_link_libraries(gatio_scenario_common INTERFACE gatio gatio_warnings)
if(scenario_common)
  add_library(gatio_scenario_shared STATIC ${scenario_common})
  target_link_libraries(gatio_scenario_shared PUBLIC gatio PRIVATE gatio_warnings)
  target_link_libraries(gatio_scenario_common INTERFACE gatio_scenario_shared)
endif()

gatio_sources(scenario_servers scenarios/servers EXCEPT common/)
foreach(source IN LISTS scenario_servers)
  get_filename_component(name ${source} NAME_WE)
  add_executable(scenario_${name} ${source})
  set_target_properties(scenario_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/scenarios)
  if(name STREQUAL "floor")
    # The floor stands for no runtime at all: it links none.
    target_link_libraries(scenario_floor PRIVATE PkgConfig::URING gatio_warnings)
  else()
    target_link_libraries(scenario_${name} PRIVATE gatio_scenario_common)
  endif()
endforeach()
gatio_test_sources(scenario_tests scenarios)
gatio_test(scenarios_test SOURCES ${scenario_tests} LINK gatio_scenario_common)
