// The service's protobuf files.
#pragma once

#include <string_view>

namespace slipway::grpc_reflection {

/// grpc/reflection/*/reflection.proto, each as a FileDescriptorProto. Made by the build.
std::string_view reflection_v1_proto();
std::string_view reflection_v1alpha_proto();

}  // namespace slipway::grpc_reflection
