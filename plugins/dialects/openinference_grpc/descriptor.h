// The service's protobuf file.
#pragma once

#include <string_view>

namespace slipway::openinference_grpc {

/// openinference.proto as a google.protobuf.FileDescriptorProto. Made by the build.
std::string_view openinference_proto();

}  // namespace slipway::openinference_grpc
