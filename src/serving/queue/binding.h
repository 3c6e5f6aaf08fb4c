// Fits a request's tensors to a model's signature.
#pragma once

#include <cstddef>
#include <vector>

#include "base/error.h"
#include "infer/infer.h"
#include "tensor/signature.h"

namespace slipway::serving {

/// A request in the model's own order. Borrows: the request's tensors.
struct Binding {
  std::vector<TensorView> inputs;    ///< one per signature input
  std::vector<std::size_t> outputs;  ///< positions of the outputs asked for; empty = all
  std::size_t input_bytes = 0;
  std::size_t rows = 1;  ///< the first dimension of the first input whose first dimension is free
};

/// Errors: infer.input_missing, infer.input_unknown, infer.input_twice, infer.input_type, infer.input_shape,
/// infer.output_unknown; tensor.size, tensor.bytes.
Result<Binding> bind(const infer::Request& request, const Signature& signature);

}  // namespace slipway::serving
