// Runs ONNX models by ONNX Runtime, whose library is opened when the first model is loaded.
#pragma once

#include <memory>

#include "contracts/backend/backend.h"

namespace slipway {

/// One environment of ONNX Runtime per backend; its instances may outlive it. Needs no library to be made:
/// without one, probe() works, load() is backend.unavailable, and info() says what is missing. Sets the
/// variable ORT_DISABLE_TELEMETRY of the process to 1 unless it is 0: make backends before there are threads
/// that read the environment.
std::unique_ptr<backend::Backend> make_backend_onnxruntime(const backend::Host& host);

}  // namespace slipway
