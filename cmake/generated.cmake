# Targets whose sources are written by the build: version, plugin table, paths for tests.

set(SLIPWAY_GENERATED ${PROJECT_BINARY_DIR}/generated)

# Where the repository and the build are, for tests only: "testing/paths.gen.h". One small file of its own, because a
# path in every test's command line would keep clones from sharing compiled files.
file(CONFIGURE OUTPUT ${SLIPWAY_GENERATED}/testing/paths.gen.h CONTENT [[
// Written by CMake.
#pragma once

#include <string>

namespace slipway::testing {

/// The root of the repository.
std::string source_dir();
/// The folder of this build; the program is in its bin/.
std::string build_dir();

}  // namespace slipway::testing
]] @ONLY)
file(CONFIGURE OUTPUT ${SLIPWAY_GENERATED}/testing/paths.gen.cc CONTENT [[
#include "testing/paths.gen.h"

namespace slipway::testing {

std::string source_dir() { return "@PROJECT_SOURCE_DIR@"; }
std::string build_dir() { return "@PROJECT_BINARY_DIR@"; }

}  // namespace slipway::testing
]] @ONLY)
add_library(slipway_test_paths STATIC EXCLUDE_FROM_ALL ${SLIPWAY_GENERATED}/testing/paths.gen.cc)
target_include_directories(slipway_test_paths PUBLIC ${SLIPWAY_GENERATED})

# The version is asked for at every build and written only where it changed, so that a commit recompiles one file.
set(version_out ${SLIPWAY_GENERATED}/app/version.gen)
file(CONFIGURE OUTPUT ${version_out}.h CONTENT [[
// Written by CMake.
#pragma once

#include <string_view>

namespace slipway::app {

/// As in "0.1.0".
std::string_view program_version();
/// The commit this program was built from, with "+" where files differed from it; "unknown" outside a repository.
std::string_view program_commit();
/// Build type and compiler, as in "Release, GNU 12.2.0".
std::string_view program_build();

}  // namespace slipway::app
]] @ONLY)
add_custom_target(slipway_write_version
  COMMAND ${CMAKE_COMMAND} -D OUT=${version_out}.cc -D SOURCE=${PROJECT_SOURCE_DIR} -D VERSION=${PROJECT_VERSION}
    "-DBUILD=${CMAKE_BUILD_TYPE}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
    -P ${PROJECT_SOURCE_DIR}/cmake/write_version.cmake
  BYPRODUCTS ${version_out}.cc
  VERBATIM)
add_library(slipway_version OBJECT EXCLUDE_FROM_ALL ${version_out}.cc)
target_include_directories(slipway_version PUBLIC ${SLIPWAY_GENERATED})
target_link_libraries(slipway_version PRIVATE slipway_options)
add_dependencies(slipway_version slipway_write_version)

# Everything that only the program itself may know: plugins by name, version.
add_library(slipway_assembly STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:slipway_version>)
target_include_directories(slipway_assembly PUBLIC ${SLIPWAY_GENERATED} ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(slipway_assembly PRIVATE slipway_options)

if(BUILD_TESTING AND NOT SLIPWAY_FUZZING)
  add_library(slipway_fuzz_driver STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/fuzz/driver.cc)
  target_link_libraries(slipway_fuzz_driver PRIVATE slipway_options)
endif()
