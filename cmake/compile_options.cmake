# Language, warnings, sanitizers, compiler cache and linker of every target of this project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Debug CACHE STRING "" FORCE)
endif()

set(SLIPWAY_SANITIZE "" CACHE STRING "Value of -fsanitize= for everything, or empty")
set(SLIPWAY_FUZZING OFF)
if(SLIPWAY_SANITIZE MATCHES "fuzzer")
  set(SLIPWAY_FUZZING ON)
endif()

# Paths in messages and debug information start at the repository, so that clones share one compiler cache.
find_program(SLIPWAY_CCACHE ccache)
if(SLIPWAY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${SLIPWAY_CCACHE})
endif()

add_library(slipway_options INTERFACE)
target_compile_options(slipway_options INTERFACE
  -Wall -Wextra -Wconversion -Wvla -Walloca -Werror
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these wrongly: for std::string (GCC bug 105329), and for sanitized code and the destructor of
  # std::variant, which Result is made of (GCC bug 105562).
  target_compile_options(slipway_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()

# A fast linker. Not mold 1.10: it lets the part that is made read-only (relro) begin in front of the segment it is in, at
# thread-local data, and where that lies on another page the loader refuses the program; without relro it may not end.
find_program(SLIPWAY_LLD ld.lld)
if(SLIPWAY_LLD AND NOT SLIPWAY_FUZZING)
  add_link_options(-fuse-ld=lld)
endif()
if(SLIPWAY_SANITIZE)
  add_compile_options(-fsanitize=${SLIPWAY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLIPWAY_SANITIZE})
endif()

# Editors look for this file at the root.
if(PROJECT_BINARY_DIR MATCHES "/dev$" OR NOT EXISTS ${PROJECT_SOURCE_DIR}/compile_commands.json)
  file(CREATE_LINK ${PROJECT_BINARY_DIR}/compile_commands.json ${PROJECT_SOURCE_DIR}/compile_commands.json SYMBOLIC)
endif()
