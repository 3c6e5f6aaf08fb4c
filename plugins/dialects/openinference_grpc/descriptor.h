// The compiled form of proto/openinference.proto.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace slipway::openinference_grpc {

/// A google.protobuf.FileDescriptorSet.
ByteView descriptor_set();

/// Its files, each a serialised google.protobuf.FileDescriptorProto.
std::vector<std::string> descriptor_files();

}  // namespace slipway::openinference_grpc
