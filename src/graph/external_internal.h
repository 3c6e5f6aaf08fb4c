// Weights outside the model file.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "graph/onnx.h"

namespace slipway::graph {

/// Where a TensorProto's data lies, if that is outside the model.
/// Errors: graph.damaged; graph.external_data when the location is no plain relative path below the model's
/// folder.
Result<std::optional<ExternalTensor>> read_external(ByteView tensor);

}  // namespace slipway::graph
