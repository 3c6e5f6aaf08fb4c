#include "plugins/dialects/openinference/raw.h"

#include <optional>
#include <utility>

#include "base/checked.h"
#include "base/text.h"

namespace slipway::openinference {
namespace {

/// The shape of one record with `body_size` bytes.
Result<Shape> raw_shape(const TensorSpec& input, std::size_t body_size) {
  const auto misfit = [&] {
    return invalid_argument("v2.raw", "a raw body of " + std::to_string(body_size) +
                                          " bytes does not fit input \"" + printable(input.name) + "\", " +
                                          std::string(dtype_name(input.dtype)) + " of shape " +
                                          input.shape.to_string() + ", for one record");
  };
  Shape shape = input.shape;
  if (shape.rank() > 1 && shape[0] < 0) shape.set(0, 1);
  std::optional<std::size_t> open;
  std::size_t known = dtype_size(input.dtype);
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] >= 0) {
      const auto product = checked_mul(known, static_cast<std::size_t>(shape[i]));
      if (!product) return misfit();
      known = *product;
    } else if (open) {
      return invalid_argument("v2.raw", "input \"" + printable(input.name) + "\" of shape " +
                                            input.shape.to_string() +
                                            " has several free dimensions, so its shape does not follow from "
                                            "a raw body: say it in JSON");
    } else {
      open = i;
    }
  }
  if (!open) {
    if (known != body_size) return misfit();
    return shape;
  }
  if (known == 0 ? body_size != 0 : body_size % known != 0) return misfit();
  shape.set(*open, known == 0 ? 0 : static_cast<std::int64_t>(body_size / known));
  return shape;
}

Result<TensorView> raw_text(const TensorSpec& input, ByteView body, Decoded& out) {
  Shape shape = input.shape;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] < 0) shape.set(i, 1);
  }
  if (shape.elements() != 1) {
    return invalid_argument("v2.raw", "input \"" + printable(input.name) + "\" of shape " +
                                          input.shape.to_string() +
                                          " is more than one element of BYTES: say it in JSON");
  }
  if (!checked_cast<std::uint32_t>(body.size()))
    return invalid_argument("v2.raw", "a raw body of 4 GiB or more is no element of BYTES");
  std::string element;
  append_bytes_element(element, as_text(body));
  out.buffers.push_back(Buffer::copy_of(as_bytes(element)));
  return TensorView{DType::kBytes, shape, std::as_const(out.buffers.back()).bytes()};
}

}  // namespace

Result<Decoded> decode_raw(ByteView body, const DecodeContext& context) {
  const auto& inputs = context.signature.inputs;
  if (inputs.size() != 1) {
    return invalid_argument("v2.raw",
                            "Inference-Header-Content-Length: 0 says that the body is the one "
                            "input, but the model has " +
                                std::to_string(inputs.size()));
  }
  Decoded out;
  out.binary_output = true;
  NamedTensorView input{inputs[0].name, {inputs[0].dtype, {}, body}};
  if (inputs[0].dtype == DType::kBytes) {
    SLIPWAY_ASSIGN_OR_RETURN(input.tensor, raw_text(inputs[0], body, out));
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(input.tensor.shape, raw_shape(inputs[0], body.size()));
  }
  out.inputs.push_back(input);
  return out;
}

}  // namespace slipway::openinference
