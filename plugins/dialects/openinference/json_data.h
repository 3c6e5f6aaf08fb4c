// Tensors between JSON and memory.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"
#include "json/json.h"
#include "json/writer.h"
#include "tensor/tensor.h"

namespace slipway::openinference {

/// The elements of a flat or nested array. Precondition: shape.elements() is known.
/// Errors: v2.json_dtype (FP16, BF16), tensor.size (above max_bytes), json.type, json.range, json.count.
Result<Buffer> read_json_data(const json::Value& data, DType dtype, const Shape& shape,
                              std::size_t max_bytes);

/// The elements as one flat array. Numbers that are not finite become null.
/// Errors: v2.output_dtype (FP16, BF16), v2.output_text (BYTES that are not UTF-8): both say to ask for
/// binary data; v2.output (a tensor whose bytes do not fit its shape).
Status write_json_data(const TensorView& tensor, json::Writer& out);

/// About how many bytes write_json_data makes; for reserving.
std::size_t json_data_size(const TensorView& tensor);

}  // namespace slipway::openinference
