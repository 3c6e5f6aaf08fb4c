// Several requests as one: their inputs stacked along the first dimension, the outputs cut apart again.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"
#include "infer/infer.h"
#include "serving/queue/binding.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::serving {

/// True when every input has a free first dimension, so that rows can be stacked at all.
bool takes_rows(const Signature& signature);

/// True when all inputs have `binding.rows` rows, at least one.
bool rows_agree(const Binding& binding);

/// True when the two can be stacked: the same datatypes and the same sizes behind the first dimension in
/// every input, the same number of rows (at least one) in all inputs of a request, the same outputs asked
/// for.
bool can_stack(const Binding& a, const Binding& b);

/// Rows of one request.
struct RowRange {
  const Binding* binding = nullptr;
  std::size_t first = 0;
  std::size_t rows = 0;
};

/// The inputs of those rows, where they stand. Precondition: rows_agree, and the rows are there. Cost: for
/// BYTES, linear in the rows.
std::vector<TensorView> rows_of(const RowRange& range);

/// Owns what its views point to.
struct Stacked {
  std::vector<Buffer> memory;
  std::vector<TensorView> inputs;  ///< as many as each part has
  std::size_t rows = 0;
};
/// Where `run_rows` is more than the parts have, the last row is repeated: a value that the model takes.
/// Precondition: every two of `parts` can be stacked; at least one part. Cost: one copy of the inputs.
Stacked stack(std::span<const RowRange> parts, std::size_t run_rows = 0);

/// Cuts an answer to `run_rows` rows apart, one response for each of `rows`, from the first row on; they
/// share the memory. Timings are copied. Errors: serving.batch_shape when an output has not one row per row
/// of input.
Result<std::vector<infer::Response>> cut(infer::Response whole, std::span<const std::size_t> rows,
                                         std::size_t run_rows);

/// One answer from answers to successive rows. Timings are the first's, with the time of all runs.
/// Precondition: at least one part. Errors: serving.batch_shape when they do not fit together. Cost: a copy.
Result<infer::Response> join(std::vector<infer::Response> parts);

}  // namespace slipway::serving
