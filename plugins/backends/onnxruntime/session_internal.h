// From model files to a session.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>
#include <string>
#include <vector>

#include "contracts/backend/backend.h"
#include "plugins/backends/onnxruntime/runtime_internal.h"
#include "tensor/signature.h"

namespace slipway::onnxruntime {

/// A loaded model. The runtime is declared first, so that it goes last.
struct Session {
  std::shared_ptr<Runtime> runtime;
  Owned<OrtSession> session;
  Owned<OrtMemoryInfo> memory;
  Signature signature;
  std::vector<std::string> labels;
};

/// Errors: backend.load, backend.unsupported, backend.external_data; see Backend::load.
Result<Session> open_session(std::shared_ptr<Runtime> runtime, const backend::ModelFiles& files,
                             const backend::LoadOptions& options);

/// Between the runtime's element types and ours; ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED and nothing where
/// there is none.
ONNXTensorElementDataType to_element(DType dtype);
std::optional<DType> from_element(ONNXTensorElementDataType element);

}  // namespace slipway::onnxruntime
