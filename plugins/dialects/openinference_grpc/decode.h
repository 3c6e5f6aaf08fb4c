// ModelInferRequest -> tensors.
//
// Layout: openinference.proto. Inputs are views of raw_input_contents where the request has them, and
// of fp32_contents and fp64_contents that came in one piece; other contents are made into tensors.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/shared_memory.h"
#include "openinference/classification.h"
#include "tensor/tensor.h"

namespace slipway::openinference_grpc {

/// A request as it was sent. Borrows: from the message, all of it but what `buffers` own. Its views stay
/// valid when it is moved.
struct Decoded {
  std::string_view model_name;
  std::string_view model_version;  ///< empty = the latest
  std::string_view id;             ///< may be empty; UTF-8
  std::vector<NamedTensorView> inputs;
  std::vector<openinference::OutputForm> outputs;  ///< empty = all
  std::optional<Duration> timeout;                 ///< how long the client waits, from when it sent
  std::uint64_t priority = 0;                      ///< as infer::Request::priority

  std::vector<Buffer> buffers;
};

/// What decoding is to keep to. Borrows: shared_memory, for the call.
struct DecodeContext {
  std::size_t max_tensor_bytes =
      0;  ///< for each tensor that takes memory of its own, and all in shared memory
  const dialect::SharedMemory* shared_memory = nullptr;  ///< null where this client may have none
};

/// Into an empty `out`; what could be read before an error is there after it, too: whose request it was, and
/// which. Names, types and shapes are compared with the model's signature later, by the server.
/// Errors: tensor.rank, tensor.size, tensor.bytes, and
///   v2.message         no protobuf message, or none of this type
///   v2.model_name      no name of a model
///   v2.id              an id that is not UTF-8
///   v2.parameter       a parameter's value is none, or not of its type
///   v2.too_many        more than kMaxTensors inputs or outputs
///   v2.duplicate       an input or output named twice
///   v2.datatype        no such datatype
///   v2.shape           a dimension below 0, or more elements than can be counted
///   v2.raw_contents    raw_input_contents are not one for each input that is not in shared memory
///   v2.contents        contents beside raw_input_contents, in a list that is not the datatype's, too few or
///                      too many, or out of the datatype's range
///   v2.shared_memory   (unimplemented) a tensor in shared memory, where the client may have none
///   shared_memory.*, v2.shared_memory_size   as openinference::SharedTensors
Status decode(ByteView message, const DecodeContext& context, Decoded& out);

}  // namespace slipway::openinference_grpc
