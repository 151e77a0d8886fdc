# The product: library gatio, what installs it, and its examples.

gatio_sources(runtime_sources runtime EXCEPT examples/)
add_library(gatio STATIC ${runtime_sources} $<TARGET_OBJECTS:gatio_llhttp>)
add_library(gatio::gatio ALIAS gatio)
# Includes are written from the root ("runtime/base/result.hpp"); users write <gatio.hpp>. Both work the
# same in this tree and when installed.
target_include_directories(gatio PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/gatio>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/gatio/runtime>)
target_compile_definitions(gatio PRIVATE LLHTTP_STRICT_MODE=1)
target_include_directories(gatio SYSTEM PRIVATE ${LLHTTP_INCLUDE_DIR} ${TOMLPLUSPLUS_INCLUDE_DIR})
target_compile_features(gatio PUBLIC cxx_std_23)
target_link_libraries(gatio
  PUBLIC PkgConfig::URING PkgConfig::HWLOC Threads::Threads
  PRIVATE $<BUILD_INTERFACE:gatio_warnings>)

install(TARGETS gatio EXPORT gatioTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gatio
  FILES_MATCHING PATTERN "*.hpp" PATTERN examples EXCLUDE PATTERN "test_*" EXCLUDE
  PATTERN "testing.hpp" EXCLUDE)
install(EXPORT gatioTargets NAMESPACE gatio:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gatio)

include(CMakePackageConfigHelpers)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/gatioConfig.cmake.in
  ${PROJECT_BINARY_DIR}/gatioConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gatio)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gatioConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gatioConfig.cmake ${PROJECT_BINARY_DIR}/gatioConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gatio)

if(PROJECT_IS_TOP_LEVEL)
  # One file, one program: build/release/examples/NAME.
  gatio_sources(example_sources runtime/examples)
  foreach(source IN LISTS example_sources)
    get_filename_component(name ${source} NAME_WE)
    add_executable(example_${name} ${source})
    set_target_properties(example_${name} PROPERTIES
      OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
    target_link_libraries(example_${name} PRIVATE gatio gatio_warnings)
  endforeach()
endif()
