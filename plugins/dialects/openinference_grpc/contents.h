// InferTensorContents -> a tensor's elements.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "tensor/tensor.h"

namespace slipway::openinference_grpc {

/// The number of the list for a datatype, 1 to 8; 0 for FP16 and BF16, which have none.
int contents_field(DType dtype);

/// True when one of the tensor messages' contents has an element. `input` is an InferInputTensor that was
/// read before.
bool has_contents(ByteView input);

/// Sets `tensor.data`, by tensor.dtype and tensor.shape, from the contents of an InferInputTensor that was
/// read before; `title` says which one. Borrows: input, or `buffer`, which then holds the elements.
/// Precondition: tensor.shape.elements() is known.
/// Errors: v2.message, v2.contents, tensor.size (above max_bytes).
Status read_contents(ByteView input, const std::string& title, std::size_t max_bytes, TensorView& tensor,
                     Buffer& buffer);

}  // namespace slipway::openinference_grpc
