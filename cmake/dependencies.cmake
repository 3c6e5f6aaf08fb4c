# Third-party CMake targets. Modules name them under LIBS:
#   Boost::headers simdjson::simdjson yaml-cpp CLI11::CLI11 spdlog::spdlog fmt::fmt OpenSSL::Crypto OpenSSL::SSL
#   LibArchive::LibArchive ZLIB::ZLIB slipway_nghttp2 protobuf::libprotobuf-lite slipway_onnx_proto onnxruntime_headers Threads::Threads
# Versions, licences and owners are in dependencies.txt.

set(SLIPWAY_DEPS_HINT "run scripts/get-dependencies --with-tests")
set(CMAKE_THREAD_PREFER_PTHREAD ON)
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(LibArchive REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Protobuf REQUIRED)
find_package(Python3 COMPONENTS Interpreter REQUIRED)
find_path(SLIPWAY_NGHTTP2_INCLUDE nghttp2/nghttp2.h REQUIRED)
find_library(SLIPWAY_NGHTTP2_LIBRARY nghttp2 REQUIRED)
add_library(slipway_nghttp2 UNKNOWN IMPORTED)
set_target_properties(slipway_nghttp2 PROPERTIES IMPORTED_LOCATION ${SLIPWAY_NGHTTP2_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${SLIPWAY_NGHTTP2_INCLUDE})
find_library(SLIPWAY_JEMALLOC_LIBRARY jemalloc REQUIRED)
if(BUILD_TESTING)
  find_package(GTest QUIET)
  find_package(benchmark QUIET)
  if(NOT GTest_FOUND OR NOT benchmark_FOUND)
    message(STATUS "Building without tests; for the tests ${SLIPWAY_DEPS_HINT}")
    set(BUILD_TESTING OFF)
  endif()
endif()
if(DEFINED ENV{SLIPWAY_DEPS})
  set(SLIPWAY_DEPS $ENV{SLIPWAY_DEPS})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(SLIPWAY_DEPS $ENV{XDG_CACHE_HOME}/slipway/deps)
else()
  set(SLIPWAY_DEPS $ENV{HOME}/.cache/slipway/deps)
endif()

# ONNX Runtime: headers to compile with. The library is opened at run time and never linked.
set(SLIPWAY_ONNXRUNTIME_VERSION 1.31.1)
set(SLIPWAY_ONNXRUNTIME ${SLIPWAY_DEPS}/onnxruntime/${SLIPWAY_ONNXRUNTIME_VERSION})
set(SLIPWAY_ONNXRUNTIME_LIBRARY libonnxruntime.so.${SLIPWAY_ONNXRUNTIME_VERSION})
if(NOT EXISTS ${SLIPWAY_ONNXRUNTIME}/complete)
  message(FATAL_ERROR "ONNX Runtime is not in ${SLIPWAY_ONNXRUNTIME}: ${SLIPWAY_DEPS_HINT}")
endif()
add_library(onnxruntime_headers INTERFACE)
target_include_directories(onnxruntime_headers SYSTEM INTERFACE ${SLIPWAY_ONNXRUNTIME}/include)
target_compile_definitions(onnxruntime_headers INTERFACE ORT_API_MANUAL_INIT)

# The build folder has the layout of the installed tree, so a binary finds the library in ../lib/slipway in both.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/lib/slipway)
file(CREATE_LINK ${SLIPWAY_ONNXRUNTIME}/lib/${SLIPWAY_ONNXRUNTIME_LIBRARY}
  ${PROJECT_BINARY_DIR}/lib/slipway/${SLIPWAY_ONNXRUNTIME_LIBRARY} SYMBOLIC)
# So with the worker in Python.
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/python ${PROJECT_BINARY_DIR}/lib/slipway/python SYMBOLIC)

# ONNX's own message definitions, compiled for protobuf's light runtime: #include <onnx/onnx.pb.h>.
find_path(SLIPWAY_ONNX_PROTO_DIR onnx/onnx.proto REQUIRED)
set(onnx_out ${PROJECT_BINARY_DIR}/generated/third_party)
file(MAKE_DIRECTORY ${onnx_out})
add_custom_command(
  OUTPUT ${onnx_out}/onnx/onnx.pb.cc ${onnx_out}/onnx/onnx.pb.h
  COMMAND ${Protobuf_PROTOC_EXECUTABLE} --cpp_out=lite:${onnx_out} -I ${SLIPWAY_ONNX_PROTO_DIR} onnx/onnx.proto
  DEPENDS ${SLIPWAY_ONNX_PROTO_DIR}/onnx/onnx.proto
  VERBATIM)
add_library(slipway_onnx_proto STATIC EXCLUDE_FROM_ALL ${onnx_out}/onnx/onnx.pb.cc)
target_include_directories(slipway_onnx_proto SYSTEM PUBLIC ${onnx_out})
target_link_libraries(slipway_onnx_proto PUBLIC protobuf::libprotobuf-lite)
