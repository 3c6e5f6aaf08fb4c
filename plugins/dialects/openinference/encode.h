// Tensors -> the body of the answer to POST .../infer.
// Source: Open Inference Protocol, inference_rest.md; Triton docs/protocol/extension_binary_data.md.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "plugins/dialects/openinference/decode.h"

namespace slipway::openinference {

struct Encoded {
  std::string body;
  /// Bytes of JSON at the start of the body, where raw tensors follow.
  std::optional<std::size_t> json_size;
};

/// What of the request the answer depends on.
struct AnswerForm {
  std::optional<std::string_view> id;
  std::span<const OutputForm> outputs;
  bool binary_output = false;
};

/// {"model_name", "model_version", "id"?, "outputs": [{"name", "datatype", "shape", "data" or "parameters":
/// {"binary_data_size"}}]}, then the raw tensors in the same order.
/// Outputs of which a classification is wanted are written so; those that are wanted in shared memory are put
/// there, and the answer has "parameters": {"shared_memory_region", "shared_memory_byte_size",
/// "shared_memory_offset"?} with the size that they have.
/// Errors: those of write_json_data(), classify() and write_shared_outputs().
Result<Encoded> encode(const dialect::ServedModel& model, std::span<const NamedTensorView> outputs,
                       const AnswerForm& form);

}  // namespace slipway::openinference
