# Checks of the files themselves, and the tests that are not C++.

# Includes are checked by every whole build and again as a test.
function(slipway_add_tree_checks)
  file(GLOB_RECURSE checked CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.h ${PROJECT_SOURCE_DIR}/src/*.cc
    ${PROJECT_SOURCE_DIR}/plugins/*.h ${PROJECT_SOURCE_DIR}/plugins/*.cc)
  set(command ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/check_includes.py
    --parts ${SLIPWAY_GENERATED}/parts.txt --root ${PROJECT_SOURCE_DIR})
  add_custom_command(
    OUTPUT ${SLIPWAY_GENERATED}/includes.ok
    COMMAND ${command}
    COMMAND ${CMAKE_COMMAND} -E touch ${SLIPWAY_GENERATED}/includes.ok
    DEPENDS ${checked} ${SLIPWAY_GENERATED}/parts.txt ${PROJECT_SOURCE_DIR}/cmake/dependencies.txt
      ${PROJECT_SOURCE_DIR}/scripts/check_includes.py
    COMMENT "Checking includes against the declared dependencies"
    VERBATIM)
  add_custom_target(slipway_check_includes ALL DEPENDS ${SLIPWAY_GENERATED}/includes.ok)
  if(NOT BUILD_TESTING OR SLIPWAY_FUZZING)
    return()
  endif()
  add_test(NAME tree.includes COMMAND ${command})
  add_test(NAME tree.files COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/check_tree.py)
  add_test(NAME tree.dependencies COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/check_dependencies.py)
  add_test(NAME tree.plugins COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/check_plugins.py)
  set_tests_properties(tree.includes tree.files tree.dependencies tree.plugins PROPERTIES LABELS unit)
endfunction()

# tests/<folder>/test_*.py: one test per file, run by pytest in the tests' own Python environment, with the program of
# this build. The folder is the label; *_slow.py has the label slow. Sanitizer builds leave them out.
function(slipway_add_python_tests)
  if(NOT BUILD_TESTING OR SLIPWAY_SANITIZE)
    return()
  endif()
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/tests/*/test_*.py)
  foreach(file IN LISTS files)
    get_filename_component(label ${file} DIRECTORY)
    get_filename_component(stem ${file} NAME_WE)
    string(REGEX REPLACE "^test_" "" stem ${stem})
    if(stem MATCHES "_slow$")
      set(label slow)
    endif()
    if(NOT TARGET slipway AND NOT stem STREQUAL "house")
      continue()
    endif()
    add_test(NAME ${label}.${stem} COMMAND ${PROJECT_SOURCE_DIR}/scripts/pytest -q tests/${file})
    set_tests_properties(${label}.${stem} PROPERTIES LABELS ${label} TIMEOUT 300
      ENVIRONMENT "SLIPWAY_BINARY=${PROJECT_BINARY_DIR}/bin/slipway;SLIPWAY_BUILD=${PROJECT_BINARY_DIR};SLIPWAY_PROMTOOL=${SLIPWAY_DEPS}/promtool/promtool;SLIPWAY_GO_TOOLS=${SLIPWAY_DEPS}/go-tools")
  endforeach()
endfunction()
