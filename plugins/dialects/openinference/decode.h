// The body of POST .../infer -> tensors.
// Source: Open Inference Protocol, inference_rest.md; Triton docs/protocol/extension_binary_data.md.
#pragma once

#include <cstddef>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "contracts/dialect/wishes.h"
#include "openinference/classification.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::openinference {

/// A request as it was sent. Its views stay valid when it is moved: names are those of the signature, or live
/// in `texts`; tensors alias the received body, or live in `buffers`, as those from shared memory do.
struct Decoded {
  std::optional<std::string> id;
  std::vector<NamedTensorView> inputs;
  std::vector<OutputForm> outputs;  ///< empty = all
  bool binary_output = false;       ///< of outputs that say nothing themselves
  dialect::Wishes wishes;           ///< what the parameters timeout and priority say; unset where they do not

  std::forward_list<std::string> texts;
  std::vector<Buffer> buffers;
};

/// What decoding may refer to: it all outlives the Decoded.
struct DecodeContext {
  const Signature& signature;
  const dialect::Limits& limits;
  const dialect::SharedMemory* shared_memory = nullptr;  ///< null where this client may have none
};

/// `json_size` is the value of Inference-Header-Content-Length where the request has it: the bytes of JSON at
/// the start of the body, raw tensors behind; 0 means raw mode, where the whole body is the one input.
/// `body` is followed by json::Parser::kPaddingBytes readable bytes, and is borrowed by the result.
/// Names, types and shapes are compared with the signature later, by the server.
/// Errors: json.*, tensor.rank, tensor.size, and
///   v2.header          the header is no number, or more than the body
///   v2.body            the body or a member has not the form of the protocol; also a key given twice
///   v2.parameter       a parameter's value is none, or not of its type
///   v2.too_many        more than kMaxTensors inputs or outputs
///   v2.duplicate       an input or output named twice
///   v2.datatype        no such datatype
///   v2.shape           a dimension below 0, or more elements than can be counted
///   v2.data            an input with no data, or with both JSON and binary data
///   v2.json_dtype      FP16 or BF16 as JSON
///   v2.binary_size     the binary parts are not exactly the rest of the body
///   v2.raw             raw mode for a model that it does not fit, or a body of the wrong size
///   v2.shared_memory   (unimplemented) a tensor in shared memory, where the client may have none
///   shared_memory.*, v2.shared_memory_size   as openinference::SharedTensors
Result<Decoded> decode(ByteView body, std::optional<std::string_view> json_size,
                       const DecodeContext& context);

}  // namespace slipway::openinference
