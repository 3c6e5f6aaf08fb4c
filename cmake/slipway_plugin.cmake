# slipway_plugin([DEPS ...] [TEST_DEPS ...] [LIBS ...] [TEST_LIBS ...]) in plugins/<kind>/<name>/CMakeLists.txt
#
# One folder is one plugin; kind and name are the folder's. KIND and NAME may be stated and are then compared. Files are
# taken by name as in slipway_module. A plugin stands in layer 6: it uses modules up to layer 5: the contracts (4)
# and what several plugins share (5). It defines one factory in namespace slipway, declared by the generated table:
#   backends: std::unique_ptr<backend::Backend> make_backend_<name>(const backend::Host&)
#   dialects: std::unique_ptr<dialect::Dialect> make_dialect_<name>(const dialect::Host&)
#   stores:   std::unique_ptr<store::StoreFactory> make_store_<name>(const store::Host&)

set(SLIPWAY_PLUGIN_KINDS backends dialects stores)
set(SLIPWAY_PLUGIN_backends "backend|backend::Backend|backend::Host|contracts/backend/backend.h|contracts_backend")
set(SLIPWAY_PLUGIN_dialects "dialect|dialect::Dialect|dialect::Host|contracts/dialect/dialect.h|contracts_dialect")
set(SLIPWAY_PLUGIN_stores "store|store::StoreFactory|store::Host|contracts/store/store.h|contracts_store")

function(slipway_plugin)
  cmake_parse_arguments(p "" "KIND;NAME" "DEPS;TEST_DEPS;LIBS;TEST_LIBS" ${ARGN})
  get_filename_component(name ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  get_filename_component(kind_folder ${CMAKE_CURRENT_SOURCE_DIR} DIRECTORY)
  get_filename_component(kind ${kind_folder} NAME)
  if(p_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "slipway_plugin in ${CMAKE_CURRENT_SOURCE_DIR} knows no '${p_UNPARSED_ARGUMENTS}'")
  endif()
  if((p_KIND AND NOT p_KIND STREQUAL kind) OR (p_NAME AND NOT p_NAME STREQUAL name))
    message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR} is the plugin '${kind}/${name}', not '${p_KIND}/${p_NAME}'")
  endif()
  if(NOT kind IN_LIST SLIPWAY_PLUGIN_KINDS)
    message(FATAL_ERROR "plugins/${kind} is no kind of plugin; kinds are: ${SLIPWAY_PLUGIN_KINDS}")
  endif()
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "plugins/${kind}/${name}: a plugin's name is lower-case letters, digits and _")
  endif()
  string(REPLACE "|" ";" row "${SLIPWAY_PLUGIN_${kind}}")
  list(GET row 0 singular)
  slipway_part(${singular}_${name} 6 "${p_DEPS}" "${p_TEST_DEPS}" "${p_LIBS}" "${p_TEST_LIBS}")
  set_property(GLOBAL APPEND PROPERTY slipway_plugins_${kind} ${name})
endfunction()

# Writes generated/app/plugin_table.gen.{h,cc} from the folders found and links it, with all plugins, as slipway_assembly.
function(slipway_write_plugin_table)
  set(includes "")
  set(declarations "")
  set(functions "")
  set(definitions "")
  set(links "")
  foreach(kind IN LISTS SLIPWAY_PLUGIN_KINDS)
    get_property(names GLOBAL PROPERTY slipway_plugins_${kind})
    if(NOT names)
      continue()
    endif()
    list(SORT names)
    string(REPLACE "|" ";" row "${SLIPWAY_PLUGIN_${kind}}")
    list(GET row 0 singular)
    list(GET row 1 type)
    list(GET row 2 host)
    list(GET row 3 header)
    list(GET row 4 contract)
    string(APPEND includes "#include \"${header}\"\n")
    list(APPEND links slipway_${contract})
    set(entries "")
    foreach(name IN LISTS names)
      string(APPEND declarations "std::unique_ptr<${type}> make_${singular}_${name}(const ${host}& host);\n")
      string(APPEND entries "    {\"${name}\", &make_${singular}_${name}},\n")
      list(APPEND links slipway_${singular}_${name})
    endforeach()
    string(APPEND functions
      "/// Every ${singular} of this build, by name.\n"
      "std::vector<PluginEntry<std::unique_ptr<${type}> (*)(const ${host}&)>> ${singular}_plugins();\n")
    string(APPEND definitions
      "std::vector<PluginEntry<std::unique_ptr<${type}> (*)(const ${host}&)>> ${singular}_plugins() {\n"
      "  return {\n${entries}  };\n}\n")
  endforeach()
  set(out ${PROJECT_BINARY_DIR}/generated/app/plugin_table.gen)
  string(CONCAT header
    "// Written by CMake from the folders under plugins/.\n#pragma once\n\n"
    "#include <memory>\n#include <string_view>\n#include <vector>\n\n${includes}\nnamespace slipway {\n\n"
    "${declarations}\nnamespace app {\n\n"
    "/// One plugin of this build: its folder's name and its factory.\n"
    "template <typename Make>\nstruct PluginEntry {\n  std::string_view name;\n  Make make;\n};\n\n"
    "${functions}\n}  // namespace app\n}  // namespace slipway\n")
  string(CONCAT source
    "#include \"app/plugin_table.gen.h\"\n\nnamespace slipway::app {\n\n${definitions}\n}  // namespace slipway::app\n")
  file(CONFIGURE OUTPUT ${out}.h CONTENT "${header}" @ONLY)
  file(CONFIGURE OUTPUT ${out}.cc CONTENT "${source}" @ONLY)
  target_sources(slipway_assembly PRIVATE ${out}.cc)
  target_link_libraries(slipway_assembly PUBLIC ${links})
endfunction()
