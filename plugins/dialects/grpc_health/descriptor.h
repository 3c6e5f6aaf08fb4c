// The service's protobuf file.
#pragma once

#include <string_view>

namespace slipway::grpc_health {

/// grpc/health/v1/health.proto as a FileDescriptorProto. Made by the build.
std::string_view health_proto();

}  // namespace slipway::grpc_health
