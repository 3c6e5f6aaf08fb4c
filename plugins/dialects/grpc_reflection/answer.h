// One question of server reflection and its answer, as protobuf messages.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "grpc/descriptors.h"

namespace slipway::grpc_reflection {

/// Appends the ServerReflectionResponse to a ServerReflectionRequest; what is not known is an answer, too.
/// Errors: reflection.message (damaged, or it asks nothing).
Status answer(ByteView request, const grpc::Descriptors& index, std::string& out);

}  // namespace slipway::grpc_reflection
