// Requests of the v2 protocol, as bodies. Sources: Open Inference Protocol; Triton, extension_binary_data.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace slipway::remote {

/// The JSON form. Values that JSON does not have (NaN and infinities, BYTES that are no UTF-8) cannot be
/// written: `complete` is false then.
struct JsonBody {
  std::string text;
  bool complete = true;
};
JsonBody v2_json_body(const std::vector<NamedTensor>& inputs);

/// The binary form, asking for binary outputs: a JSON head, then the raw tensors in its order. `head_size` is
/// for the header Inference-Header-Content-Length.
std::string v2_binary_body(const std::vector<NamedTensor>& inputs, std::size_t& head_size);

/// inference.ModelInferRequest with raw_input_contents. Source: KServe, grpc_predict_v2.proto.
std::string v2_grpc_message(std::string_view model, std::string_view version,
                            const std::vector<NamedTensor>& inputs);

}  // namespace slipway::remote
