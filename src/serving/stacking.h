// Several requests as one: their inputs stacked along the first dimension, the outputs cut apart again.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"
#include "infer/infer.h"
#include "serving/binding.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::serving {

/// True when every input has a free first dimension, so that rows can be stacked at all.
bool takes_rows(const Signature& signature);

/// True when the two can be stacked: the same datatypes and the same sizes behind the first dimension in
/// every input, the same number of rows (at least one) in all inputs of a request, the same outputs asked
/// for.
bool can_stack(const Binding& a, const Binding& b);

/// Owns what its views point to.
struct Stacked {
  std::vector<Buffer> memory;
  std::vector<TensorView> inputs;  ///< as many as each part has
  std::size_t rows = 0;
};
/// Precondition: every two of `parts` can be stacked; at least one part. Cost: one copy of the inputs.
Stacked stack(std::span<const Binding* const> parts);

/// Cuts an answer to `rows[0] + rows[1] + ...` rows apart, one response per part; they share the memory.
/// Timings are copied. Errors: serving.batch_shape when an output has not one row per row of input.
Result<std::vector<infer::Response>> cut(infer::Response whole, std::span<const std::size_t> rows);

}  // namespace slipway::serving
