# slipway_embed_proto(<target> <file>.proto <namespace::function>)
#
# Compiles the description of a gRPC service into <target> as the bytes of its google.protobuf.FileDescriptorProto, for
# dialect::Dialect::descriptors(); no message classes are made. Declare `std::string_view function();` in a header. The file
# is named as its path from the plugin's folder, which is the name that server reflection tells.
function(slipway_embed_proto target proto function)
  string(MAKE_C_IDENTIFIER ${proto} stem)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${stem}.gen.cc)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/embed_proto.py ${Protobuf_PROTOC_EXECUTABLE} ${proto} ${function} ${out}
    DEPENDS ${PROJECT_SOURCE_DIR}/cmake/embed_proto.py ${proto}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
