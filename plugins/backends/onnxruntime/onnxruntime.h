// Runs ONNX models by ONNX Runtime, whose library is opened when the first model is loaded.
#pragma once

#include <memory>

#include "contracts/backend/backend.h"

namespace slipway {

/// One environment of ONNX Runtime per backend; its instances may outlive it. Needs no library to be made:
/// without one, probe() works, load() is backend.unavailable, and info() says what is missing.
std::unique_ptr<backend::Backend> make_backend_onnxruntime(const backend::Host& host);

}  // namespace slipway
