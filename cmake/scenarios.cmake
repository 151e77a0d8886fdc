# The scenarios' servers. scenarios/servers/NAME_main.cpp becomes the program build/release/scenarios/NAME;
# all other files are one library, so that a test or a simulator can call a server's serve_NAME().

gatio_sources(scenario_sources scenarios/servers)
set(scenario_mains ${scenario_sources})
list(FILTER scenario_mains INCLUDE REGEX "_main\\.cpp$")
list(REMOVE_ITEM scenario_sources ${scenario_mains})

add_library(gatio_scenarios STATIC ${scenario_sources})
target_link_libraries(gatio_scenarios PUBLIC gatio PRIVATE gatio_warnings)

foreach(source IN LISTS scenario_mains)
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_main$" "" name ${name})
  add_executable(scenario_${name} ${source})
  set_target_properties(scenario_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/scenarios)
  if(name STREQUAL "floor")
    # The floor stands for no runtime at all: it links none.
    target_link_libraries(scenario_floor PRIVATE PkgConfig::URING gatio_warnings)
  else()
    target_link_libraries(scenario_${name} PRIVATE gatio_scenarios gatio_warnings)
  endif()
endforeach()

gatio_test_sources(scenario_tests scenarios)
gatio_test(scenarios_test SOURCES ${scenario_tests} LINK gatio_scenarios)
add_dependencies(gatio_tests scenario_hello)  # ports_test starts it as another process
